"""Status messages, as the upstream forms them: a JSON array of objects with ``ev``, ``status`` and ``message``.

https://massive.com/docs/websocket/quickstart shows those of a usual conversation; the vendor's clients list the others.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

MAX_FRAME: Final = 32 * 1024
"""The most bytes in one frame that API Gateway delivers (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)."""


class Status(StrEnum):
    """The word of a status message: the upstream's own, but for the last four, which no usual conversation has."""

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
UNKNOWN: Final = status(Status.FORCE_DISCONNECT, "this connection is not known any more; connect again")
"""For a connection that is not in the registry (any more)."""


def subscribed(pair: str) -> dict[str, Any]:
    """The acknowledgement of a subscription."""
    return status(Status.SUCCESS, f"subscribed to: {pair}")


def unsubscribed(pair: str) -> dict[str, Any]:
    """The acknowledgement of the end of a subscription."""
    return status(Status.SUCCESS, f"unsubscribed to: {pair}")


def resumed(pair: str) -> dict[str, Any]:
    """The end of a resume of which nothing is missing."""
    return status(Status.RESUMED, f"resumed: {pair}")


def gap(pairs: Sequence[str], start_ms: int, end_ms: int) -> dict[str, Any]:
    """Events of these pairs may be missing between two moments."""
    message = f"events may be missing: {','.join(pairs)}"
    return status(Status.GAP, message, pairs=list(pairs), **{"from": start_ms, "to": end_ms})


def conflated(dropped: int) -> dict[str, Any]:
    """So many events were left out for a slow client."""
    return status(Status.CONFLATED, f"{dropped} events were left out: this connection is slow", dropped=dropped)


def feed(*, up: bool) -> dict[str, Any]:
    """The upstream began or stopped to send."""
    return status(Status.FEED, f"the upstream {'sends again' if up else 'does not send'}", up=up)


def ends_soon(ends_ms: int) -> dict[str, Any]:
    """The hint before the end of a connection, which is at ``ends_ms``."""
    message = "this connection ends soon: connect again, and subscribe with the last _c as since"
    return status(Status.SUCCESS, message, ends_at=ends_ms)


def text_of(item: dict[str, Any]) -> str:
    """A status message as JSON, in ASCII."""
    return json.dumps(item, separators=(",", ":"))


def frames(items: Iterable[dict[str, Any]]) -> list[str]:
    """Write status messages as array frames of at most MAX_FRAME bytes, in order."""
    made: list[str] = []
    parts: list[str] = []
    size = 2
    for item in items:
        text = text_of(item)
        if parts and size + len(text) + 1 > MAX_FRAME:
            made.append(f"[{','.join(parts)}]")
            parts, size = [], 2
        parts.append(text)
        size += len(text) + 1
    if parts:
        made.append(f"[{','.join(parts)}]")
    return made
