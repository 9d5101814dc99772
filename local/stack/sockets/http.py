"""HTTP/1.1 as far as a handshake and posts to connections need it: one request after the other on a connection."""

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from local.stack.sockets.events import Headers, request_id

MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 10 * 1024 * 1024
END: Final = b"\r\n\r\n"


class BadRequestError(Exception):
    """The bytes are no HTTP request that can be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``target`` is its path and query as sent; the names of ``headers`` are as sent, too. ``head`` is all that comes
    before the body.
    """

    method: str
    target: str
    headers: Headers
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, whatever the case of its name; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query."""
        return self.target.partition("?")[2]

    @property
    def upgrades(self) -> bool:
        """Whether the request is a WebSocket handshake."""
        return self.header("upgrade").lower() == "websocket"

    @property
    def last(self) -> bool:
        """Whether the caller wants the connection to end after this request."""
        return self.header("connection").lower() == "close"


@dataclass(frozen=True, slots=True)
class Response:
    """A response: its status, a body of JSON or none, and AWS's name of the error, which its SDKs read."""

    status: int
    fields: dict[str, object] | None = None
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The response on the wire."""
        body = b"" if self.fields is None else json.dumps(self.fields).encode()
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"x-amzn-RequestId: {request_id()}",
            "Content-Type: application/json",
            *([f"x-amzn-ErrorType: {self.error}"] if self.error else []),
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + END + body


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request; None where the caller has gone. Raises BadRequestError."""
    try:
        head = await reader.readuntil(END)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequestError("the headers are too long") from error
    first, *lines = head[: -len(END)].decode("latin-1").split("\r\n")
    try:
        method, target, _ = first.split(" ")
        headers = [(name, value.strip()) for name, value in (line.split(":", 1) for line in lines)]
        length = int(next((value for name, value in headers if name.lower() == "content-length"), "0"))
    except ValueError as error:
        raise BadRequestError("no HTTP request") from error
    if not 0 <= length <= MAX_BODY or any(name.lower() == "transfer-encoding" for name, _ in headers):
        raise BadRequestError("no body of a known and possible length")
    try:
        return Request(method, target, headers, head, await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
