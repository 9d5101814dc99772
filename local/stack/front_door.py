"""The address that clients use: forwards every request to the emulated HTTP API as AWS's own edge would.

Requests arrive at the root, as in production, and are forwarded under the emulator's path for this API, so none of them
can reach the emulator's own pages (its /health, for example). Like AWS it joins a repeated header with commas, drops
the headers that belong to one connection, adds where the request came from, and answers 500 or 503 with a fixed body if
a function fails or takes too long.
"""

import argparse
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import httpx
import uvicorn

from local.ports import KEEP_ALIVE_S, listen

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

INTEGRATION_TIMEOUT_S: Final = 30.0
HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect")
)
"""Headers that belong to one connection and are not forwarded (RFC 9110, section 7.6.1)."""


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """An ASGI application in front of one API. ``prefix`` is the API's path at the emulator."""

    client: httpx.AsyncClient
    prefix: bytes

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Forward one request and send its answer."""
        body = await _body(receive)
        target = self.prefix + scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        request = httpx.Request(
            scope["method"],
            self.client.base_url,
            headers=_forwarded_headers(scope, body),
            content=body,
            # The target is given as received, because httpx would normalise the path of a URL.
            extensions={"target": target, "timeout": httpx.Timeout(INTEGRATION_TIMEOUT_S).as_dict()},
        )
        status, headers, content = await self._forward(request)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _forward(self, request: httpx.Request) -> tuple[int, Headers, bytes]:
        try:
            response = await self.client.send(request, stream=True)
            # The raw body is read, so that a compressed one is passed on unchanged.
            content = b"".join([part async for part in response.aiter_raw()])
        except httpx.TransportError as error:
            print(f"{request.method} failed: {error!r}", flush=True)
            return _gateway_error(503, "Service Unavailable")
        if response.status_code == httpx.codes.BAD_GATEWAY and _function_failed(content):
            return _gateway_error(500, "Internal Server Error")
        return response.status_code, _end_to_end(response.headers.raw), content


def _forwarded_headers(scope: Scope, body: bytes) -> Headers:
    joined: dict[bytes, bytes] = {}
    for name, value in _end_to_end(scope["headers"]):
        joined[name] = joined[name] + b"," + value if name in joined else value
    address = scope["client"][0].encode()
    forwarded = joined.get(b"x-forwarded-for")
    joined[b"x-forwarded-for"] = forwarded + b", " + address if forwarded else address
    joined[b"x-forwarded-port"] = str(scope["server"][1]).encode()
    joined[b"x-forwarded-proto"] = b"http"
    joined.setdefault(b"x-amzn-trace-id", f"Root=1-{int(time.time()):08x}-{token_hex(12)}".encode())
    joined[b"content-length"] = str(len(body)).encode()
    return list(joined.items())


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name.lower(), value) for name, value in headers if name.lower() not in HOP_BY_HOP]


def _function_failed(content: bytes) -> bool:
    try:
        answer = json.loads(content)
    except ValueError:
        return False
    return isinstance(answer, dict) and {"errorMessage", "errorType"} == set(answer)


def _gateway_error(status: int, message: str) -> tuple[int, Headers, bytes]:
    content = json.dumps({"message": message}).encode()
    length = str(len(content)).encode()
    return status, [(b"content-type", b"application/json"), (b"content-length", length)], content


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def main() -> None:
    """Serve until told to end, on a socket that was inherited or on one of its own. The address is printed to standard output."""
    parser = argparse.ArgumentParser(description="The address of a stack's HTTP API.")
    parser.add_argument("--target", required=True, help="where the emulated AWS listens")
    parser.add_argument("--api", required=True, help="the API's id")
    parser.add_argument("--socket", type=int, help="the file descriptor of a socket that listens already")
    options = parser.parse_args()
    listener = listen() if options.socket is None else socket.socket(fileno=options.socket)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    client = httpx.AsyncClient(base_url=options.target, limits=limits, trust_env=False)
    door = FrontDoor(client, f"/_aws/execute-api/{options.api}/$default".encode())
    config = uvicorn.Config(
        door,
        lifespan="off",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
