"""A fake issuer of tokens. It signs any claims, and publishes its keys in memory or at an address of this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dekr.access.jwks import Algorithm
from dekr.errors import UpstreamDown

ISSUER = "https://issuer.example/dekr"
AUDIENCE = "market-data"
START_S = 1_795_186_800

type Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def private_key(algorithm: Algorithm, kid: str, bits: int = 2048) -> Private:  # noqa: ARG001 - each kid has its own
    """The key of this name; the same one for the whole run, because RSA keys take long to make."""
    match algorithm:
        case "RS256":
            return rsa.generate_private_key(65_537, bits)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()


def public_jwk(algorithm: Algorithm, kid: str, **more: Any) -> dict[str, Any]:
    """Return the public part of the issuer's key of this name, as a JWK."""
    public = private_key(algorithm, kid).public_key()
    form: dict[str, Any] = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(public))
    form.pop("key_ops", None)
    return {**form, "kid": kid, "use": "sig", "alg": algorithm, **more}


class FakeIssuer:
    """``keys``: the list that it publishes; ``document``: sent instead of it, where set; ``fetches``: how often it was read."""

    def __init__(self, algorithm: Algorithm = "RS256", *kids: str) -> None:
        self.algorithm = algorithm
        self.keys = [public_jwk(algorithm, kid) for kid in kids or ("key-1",)]
        self.document: bytes | None = None
        self.down = False
        self.fetches = 0

    def fetch(self) -> bytes:
        """Return the key document as it is published now; raise ``UpstreamDown`` while the issuer is down."""
        self.fetches += 1
        if self.down:
            raise UpstreamDown("The issuer is down.", retry_after_s=1.0)
        return self.document if self.document is not None else json.dumps({"keys": self.keys}).encode()

    def token(
        self,
        changed: dict[str, Any] | None = None,
        *,
        now_s: int = START_S,
        kid: str | None = "key-1",
        signed_by: str | None = None,
        header: dict[str, Any] | None = None,
    ) -> str:
        """A token, good for five minutes, with some claims changed (None: left out). ``signed_by``: the kid of the key that
        signs, where it is not the one that the header names.
        """
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "anna",
            "tier": 5,
            "iat": now_s,
            "exp": now_s + 300,
            **(changed or {}),
        }
        named = {"kid": kid} if kid is not None else {}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            private_key(self.algorithm, signed_by or kid or "key-1"),
            self.algorithm,
            {**named, **(header or {})},
        )


type Sent = tuple[int, dict[str, str], bytes]


class Address:
    """An address of this machine. ``answer``: status, headers and body that it sends; ``requested``: the paths, in order."""

    def __init__(self, answer: Sent) -> None:
        self.answer = answer
        self.requested: list[str] = []
        self.url = ""


@contextmanager
def served(answer: Sent) -> Iterator[Address]:
    """Serve an answer on a free port while the block runs."""
    address = Address(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address.requested.append(self.path)
            status, headers, body = address.answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            # A client that has had enough closes the connection.
            try:
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
