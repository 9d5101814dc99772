"""Reads what clients send: one JSON object a message, with an ``action`` and its ``params``, as the upstream's clients write it."""

from base64 import b64decode
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from pydantic_core import from_json

from dekr.errors import BodyTooLarge, InvalidInput, NotJson
from dekr.stream.cursor import StreamCursor
from dekr.stream.pairs import MAX_PARAMS, BadPair, Pair, parse_params

MAX_MESSAGE: Final = 128 * 1024
"""The most bytes in a message. API Gateway's own limit is the same, and it lets a message come in several frames."""


class Action(StrEnum):
    """The ``action`` of a client's message."""

    AUTH = "auth"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    RESUME = "resume"
    """To subscribe with a position."""
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a client. ``fields``: all its fields, unread."""

    action: Action
    fields: dict[str, Any]

    @property
    def params(self) -> str:
        """Its ``params``. Raises InvalidInput where they are missing, empty or not text."""
        params = self.fields.get("params")
        if not isinstance(params, str) or not params.strip():
            raise InvalidInput("params", "must be text that is not empty, as in T.AAPL,Q.AAPL")
        return params


@dataclass(frozen=True, slots=True)
class Subscription:
    """The pairs that a message subscribes to or unsubscribes from, and the parts of it that are no pairs.

    ``since``: replay the events after it first. ``snapshot``: send the latest event of each pair first.
    """

    pairs: tuple[Pair, ...]
    bad: tuple[BadPair, ...]
    since: StreamCursor | None = None
    snapshot: bool = False


def read_message(body: str | None, *, is_base64: bool) -> Message:
    """Read a message; ``is_base64``: API Gateway hands a binary frame over as base64.

    Raises NotJson, BodyTooLarge, InvalidInput.
    """
    try:
        raw = b64decode(body or "") if is_base64 else (body or "").encode(errors="surrogatepass")
        if len(raw) > MAX_MESSAGE:
            raise BodyTooLarge("message", f"must be no longer than {MAX_MESSAGE} bytes")
        fields = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise NotJson("message", 'must be JSON, as in {"action":"subscribe","params":"T.AAPL"}') from error
    if not isinstance(fields, dict):
        raise InvalidInput("message", 'must be a JSON object, as in {"action":"subscribe","params":"T.AAPL"}')
    action = fields.get("action")
    if not isinstance(action, str) or action not in Action:
        raise InvalidInput("action", f"must be one of {', '.join(Action)}")
    return Message(Action(action), fields)


def read_subscription(message: Message) -> Subscription:
    """Read the pairs of a message, and from where they go on. Raises InvalidInput."""
    found = list(islice(parse_params(message.params), MAX_PARAMS + 1))
    if len(found) > MAX_PARAMS:
        raise InvalidInput("params", f"must name {MAX_PARAMS} pairs at most")
    if not found:
        raise InvalidInput("params", "must name a pair, as in T.AAPL")
    pairs = tuple(part for part in found if isinstance(part, Pair))
    bad = tuple(part for part in found if isinstance(part, BadPair))
    if message.action is Action.UNSUBSCRIBE:
        return Subscription(pairs, bad)
    since, snapshot = message.fields.get("since"), message.fields.get("snapshot")
    if snapshot is not None and not isinstance(snapshot, bool):
        raise InvalidInput("snapshot", "must be true or false")
    is_new = since is None and message.action is not Action.RESUME
    return Subscription(pairs, bad, None if is_new else StreamCursor.parse(since), snapshot is True)
