"""The events that API Gateway sends to a Lambda function for a WebSocket API.

Their form: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connections-lambda-payload.html
"""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

ROUTES: Final = ("auth", "subscribe", "unsubscribe", "resume", "ping")
"""The routes of the template beside $connect, $disconnect and $default."""

Event = dict[str, Any]
Headers = list[tuple[str, str]]


def new_connection_id() -> str:
    """A connection id as AWS makes them: 16 characters of which the last is an equals sign."""
    return urlsafe_b64encode(token_bytes(11)).decode()


@dataclass(frozen=True, slots=True)
class Caller:
    """A connection as its events describe it. ``query`` is the raw query of the handshake. Moments are in ms since the epoch."""

    connection: str
    source_ip: str
    user_agent: str
    host: str
    headers: Headers
    query: str
    connected_ms: int


@dataclass(frozen=True, slots=True)
class Events:
    """Writes events of one API and stage. ``now_ms`` is the clock (ms since the epoch)."""

    api_id: str
    stage: str
    now_ms: Callable[[], int]

    def connect(self, caller: Caller) -> Event:
        """The event of a handshake."""
        event: Event = {"headers": _single(caller.headers), "multiValueHeaders": _multi(caller.headers)}
        if caller.query:
            pairs = parse_qsl(caller.query, keep_blank_values=True)
            event |= {"queryStringParameters": _single(pairs), "multiValueQueryStringParameters": _multi(pairs)}
        context = self._context(caller, "$connect", "CONNECT")
        return {**event, "requestContext": context, "isBase64Encoded": False}

    def message(self, caller: Caller, body: str) -> Event:
        """The event of a message."""
        context = self._context(caller, self.route(body), "MESSAGE")
        return {
            "requestContext": {**context, "messageId": _short_id()},
            "body": body,
            "isBase64Encoded": False,
        }

    def disconnect(self, caller: Caller, code: int, reason: str) -> Event:
        """The event of a connection that has ended."""
        headers = [("Host", caller.host), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
        context = self._context(caller, "$disconnect", "DISCONNECT")
        ended = {"disconnectStatusCode": code, "disconnectReason": reason}
        return {
            "headers": _single(headers),
            "multiValueHeaders": _multi(headers),
            "requestContext": {**context, **ended},
            "isBase64Encoded": False,
        }

    def route(self, body: str) -> str:
        """The route of a message by ``$request.body.action``. A client may name $connect and $disconnect, too."""
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return "$default"
        action = parsed.get("action") if isinstance(parsed, dict) else None
        known = (*ROUTES, "$connect", "$disconnect")
        return action if isinstance(action, str) and action in known else "$default"

    def _context(self, caller: Caller, route: str, kind: str) -> Event:
        now_ms = self.now_ms()
        request_id = _short_id()
        return {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": request_id,
            "requestTime": f"{datetime.fromtimestamp(now_ms / 1000, UTC):%d/%b/%Y:%H:%M:%S +0000}",
            "messageDirection": "IN",
            "stage": self.stage,
            "connectedAt": caller.connected_ms,
            "requestTimeEpoch": now_ms,
            "identity": {"userAgent": caller.user_agent, "sourceIp": caller.source_ip},
            "requestId": request_id,
            "domainName": caller.host,
            "connectionId": caller.connection,
            "apiId": self.api_id,
        }


def failure(message: str, event: Event) -> str:
    """The text that a client is sent where the function failed: an object, no array."""
    context = event["requestContext"]
    fields = {"message": message, "connectionId": context["connectionId"], "requestId": context["requestId"]}
    return json.dumps(fields)


def request_id() -> str:
    """The id of an HTTP request."""
    return str(uuid4())


def _short_id() -> str:
    return b64encode(token_bytes(11)).decode()


def _single(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The last value of each name."""
    return dict(pairs)


def _multi(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
