"""Status messages, as the upstream forms them: a JSON array of objects with ``ev``, ``status`` and ``message``.

https://massive.com/docs/websocket/quickstart shows those of a usual conversation; the vendor's clients list the others.
"""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

MAX_FRAME: Final = 32 * 1024
"""The most bytes in one frame that API Gateway delivers (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)."""


class Status(StrEnum):
    """What a status message says. The upstream's own words, but for the last four, which no usual conversation has."""

    CONNECTED = "connected"
    AUTH_SUCCESS = "auth_success"
    AUTH_FAILED = "auth_failed"
    AUTH_TIMEOUT = "auth_timeout"
    AUTH_REQUIRED = "auth_required"
    SUCCESS = "success"
    ERROR = "error"
    MAX_CONNECTIONS = "max_connections"
    FORCE_DISCONNECT = "force_disconnect"
    SLOW_CONSUMER = "slow_consumer"
    RESUMED = "resumed"
    """All events of a pair since the cursor have been sent."""
    GAP = "gap"
    """Events of a pair between two moments are missing: ``from`` and ``to``, ms."""
    CONFLATED = "conflated"
    """Events of a slow client were left out: ``dropped``, their number."""
    FEED = "feed"
    """The upstream stopped or began to send: ``up``."""


def status(word: Status, message: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - further fields are JSON
    """One status message; ``more`` are further fields that a client may ignore."""
    return {"ev": "status", "status": word.value, "message": message, **more}


CONNECTED: Final = status(Status.CONNECTED, "Connected Successfully")
AUTHENTICATED: Final = status(Status.AUTH_SUCCESS, "authenticated")


def subscribed(pair: str) -> dict[str, Any]:
    """The acknowledgement of a subscription."""
    return status(Status.SUCCESS, f"subscribed to: {pair}")


def unsubscribed(pair: str) -> dict[str, Any]:
    """The acknowledgement of the end of a subscription."""
    return status(Status.SUCCESS, f"unsubscribed to: {pair}")


def frames(items: Iterable[dict[str, Any]], at_most: int = MAX_FRAME) -> list[str]:
    """Write items as array frames, in order, each of ``at_most`` bytes in UTF-8."""
    made: list[str] = []
    parts: list[str] = []
    size = 2
    for item in items:
        text = json.dumps(item, separators=(",", ":"))
        if parts and size + len(text) + 1 > at_most:
            made.append(f"[{','.join(parts)}]")
            parts, size = [], 2
        parts.append(text)
        size += len(text) + 1
    if parts:
        made.append(f"[{','.join(parts)}]")
    return made
