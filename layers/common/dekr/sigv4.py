"""AWS Signature Version 4, without botocore, which takes 130 ms to import: for requests to any service but S3, and for signing in
to ElastiCache.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes the signature,
https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html the request that signs in.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

TOKEN_LIFE_S: Final = 900
_SERVICE: Final = "elasticache"
_EMPTY_HASH: Final = sha256(b"").hexdigest()
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials. ``token`` is the session token of temporary ones, None for others."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Credentials":
        """The credentials in the variables that Lambda sets. Raises KeyError where there are none."""
        token = environment.get("AWS_SESSION_TOKEN") or None
        return cls(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], token)


def sign(
    environment: Mapping[str, str],
    service: str,
    method: str,
    url: str,
    body: bytes,
    at: datetime,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """Sign a request as ``signed_headers`` does, with the credentials and the region in the variables that Lambda sets.

    They are to be read for each request, because Lambda's credentials change. Raises KeyError where there are none.
    """
    credentials, region = Credentials.read(environment), environment["AWS_REGION"]
    return signed_headers(credentials, region, service, method, url, body, at, headers)


def signed_headers(
    credentials: Credentials,
    region: str,
    service: str,
    method: str,
    url: str,
    body: bytes,
    at: datetime,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """Sign a request: return ``headers``, all of which are signed, with those that carry the signature.

    ``url`` is as it is sent, with its path percent-encoded; the path is encoded once more for the signature, as all services but
    S3 expect. The client must send the Host that the URL names, without a default port. ``at`` is the moment of signing (UTC).
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    sent = {**headers, "X-Amz-Date": stamp}
    if credentials.token:
        sent["X-Amz-Security-Token"] = credentials.token
    parts = urlsplit(url)
    signed = sorted((name.lower(), " ".join(value.split())) for name, value in {**sent, "host": _host(parts)}.items())
    names = ";".join(name for name, _ in signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
    # Sorted by name and then value, which is another order than that of the whole texts: "-" stands before "=".
    query = "&".join("=".join(pair) for pair in sorted(_parameters(parts.query)))
    request = f"{method}\n{_path(parts.path)}\n{query}\n{lines}\n{names}\n{sha256(body).hexdigest()}"
    signature = _signature(credentials, stamp, region, service, request)
    sent["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def elasticache_token(credentials: Credentials, region: str, cache: str, user: str, at: datetime) -> str:
    """Make the token that signs ``user`` in to the serverless cache ``cache``: a presigned URL without its scheme.

    ``at`` is the moment of signing (UTC); the token is valid for 15 minutes from then on.
    """
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{_SERVICE}/aws4_request"
    parameters = {
        "Action": "connect",
        "User": user,
        "ResourceType": "ServerlessCache",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(TOKEN_LIFE_S),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token is not None:
        parameters["X-Amz-Security-Token"] = credentials.token
    pairs = [f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items()]
    request = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{cache}\n\nhost\n{_EMPTY_HASH}"
    signature = _signature(credentials, stamp, region, _SERVICE, request)
    return f"{cache}/?{'&'.join(pairs)}&X-Amz-Signature={signature}"


def _signature(credentials: Credentials, stamp: str, region: str, service: str, request: str) -> str:
    """The signature of a request in its canonical form."""
    scope = (stamp[:8], region, service, "aws4_request")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{'/'.join(scope)}\n{sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _path(path: str) -> str:
    """The path in its canonical form: without empty and dot segments, and percent-encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{slash}", safe="/~")


def _parameters(query: str) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    return [(name, value) for name, _, value in pairs]
