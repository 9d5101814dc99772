"""Serves posts to connections, as the API Gateway Management API does.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from websockets.frames import CloseCode

from local.stack.sockets.connection import Connection
from local.stack.sockets.faults import Faults, Post
from local.stack.sockets.http import Request, Response
from local.stack.sockets.limits import Limits, Rate

_ID: Final = re.compile(r"[A-Za-z0-9_-]{15}=")
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/execute-api/aws4_request, ?"
    r"SignedHeaders=\S+, ?Signature=[0-9a-f]{64}"
)

UNSIGNED: Final = Response(403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException")
THROTTLED: Final = Response(429, {"message": "Too Many Requests"}, "LimitExceededException")
FULL: Final = Response(429, {"message": "Buffer full"}, "LimitExceededException")
TOO_LARGE: Final = Response(413, {"message": "Payload Too Large"}, "PayloadTooLargeException")
GONE: Final = Response(410, error="GoneException")
FAILED: Final = Response(500, {"message": "Internal server error"}, "InternalServerErrorException")
SENT: Final = Response(200)
CLOSED: Final = Response(204)

INSTEAD: Final = {Post.FAILED: FAILED, Post.SILENT: None, Post.LOST: SENT}
"""The answers to posts that are not delivered."""

AFTERWARDS: Final = {Post.GONE_BUT_DELIVERED: GONE, Post.SILENT_BUT_DELIVERED: None}
"""The answers to posts that are delivered all the same."""


@dataclass(frozen=True, slots=True)
class Management:
    """Answers requests below ``/<stage>/@connections``. ``connections``: those whose $connect has been answered, by id."""

    stage: str
    connections: Mapping[str, Connection]
    limits: Limits
    faults: Faults
    requests: Rate
    now_s: Callable[[], float]

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None: never. The signature itself is not checked."""
        prefix = f"/{self.stage}/@connections/"
        path = unquote(request.path)
        if not path.startswith(prefix) or not _SIGNED.fullmatch(request.header("authorization")):
            return UNSIGNED
        if not self.requests.take():
            return THROTTLED
        name = path.removeprefix(prefix)
        if not _ID.fullmatch(name):
            return Response(400, {"message": f"Invalid connectionId: {name}"}, "BadRequestException")
        if request.method == "POST":
            return self._post(name, request.body)
        return self._close(name) if request.method == "DELETE" else self._describe(name)

    def _post(self, name: str, body: bytes) -> Response | None:
        fault = self.faults.of_post(name)
        if fault is Post.THROTTLED:
            return THROTTLED
        if len(body) > self.limits.message:
            return TOO_LARGE
        connection = self._open(name)
        if connection is None:
            return GONE
        if fault is Post.FULL or connection.full:
            return FULL
        if fault in INSTEAD:
            return INSTEAD[fault]
        connection.send(body)
        connection.active_s = self.now_s()
        return SENT if fault is None else AFTERWARDS.get(fault, SENT)

    def _close(self, name: str) -> Response:
        connection = self._open(name)
        if connection is None:
            return GONE
        connection.close(CloseCode.NORMAL_CLOSURE, "Connection Closed Normally")
        return CLOSED

    def _describe(self, name: str) -> Response:
        connection = self._open(name)
        if connection is None:
            return GONE
        caller = connection.caller
        identity = {"sourceIp": caller.source_ip, "userAgent": caller.user_agent}
        moments = {"connectedAt": caller.connected_ms / 1000, "lastActiveAt": connection.active_s}
        told = {moment: datetime.fromtimestamp(at, UTC).isoformat() for moment, at in moments.items()}
        return Response(HTTPStatus.OK, {**told, "identity": identity})

    def _open(self, name: str) -> Connection | None:
        connection = self.connections.get(name)
        return connection if connection is not None and connection.open else None
