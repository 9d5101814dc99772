"""The server's answers to each message of a client, as the vendor's are.

The words of a usual conversation are those of https://massive.com/docs/websocket/quickstart; those of refusals are what clients
report. Symbols are taken as they are: an unknown one is acknowledged and stays silent.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from local.sandbox.stream.events import CHANNELS

type Status = dict[str, str]

ALL: Final = "*"


def status(word: str, message: str) -> Status:
    """Return one status message."""
    return {"ev": "status", "status": word, "message": message}


CONNECTED: Final = status("connected", "Connected Successfully")
AUTHENTICATED: Final = status("auth_success", "authenticated")
BAD_KEY: Final = status("auth_failed", "authentication failed")
NO_STREAM: Final = status(
    "auth_failed", "Your plan doesn't include websocket access. Visit https://massive.com/pricing to upgrade."
)
AUTH_TIMEOUT: Final = status("auth_timeout", "No authentication request received. Disconnecting...")
AUTH_REQUIRED: Final = status("auth_required", "Please authenticate before you subscribe")
NOT_AUTHORIZED: Final = status("error", "not authorized")
TOO_MANY: Final = status(
    "max_connections",
    "Maximum number of websocket connections exceeded. You have reached the connection limit for your account.",
)
SLOW: Final = status("slow_consumer", "Your connection reads too slowly. Disconnecting...")
FORCED: Final = status("force_disconnect", "The server is going down. Disconnecting...")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a client: ``action`` and ``params``, each empty where it is missing or no text."""

    action: str
    params: str

    @classmethod
    def parse(cls, text: str) -> "Message | None":
        """Read a message. None if it is no JSON object."""
        try:
            body: Any = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(body, dict):
            return None
        action, params = body.get("action"), body.get("params")
        return cls(action if isinstance(action, str) else "", params if isinstance(params, str) else "")


@dataclass(slots=True)
class Subscriptions:
    """The subscriptions of a connection: ``pairs`` such as ``T.AAPL``, and ``channels`` whose every ticker it wants."""

    pairs: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)

    def change(self, params: str, allowed: Collection[str], *, adding: bool) -> Iterator[Status]:
        """Add or remove each part of ``params``, and yield one status for each: its acknowledgement, or why not."""
        for part in filter(None, map(str.strip, params.split(","))):
            channel, _, symbol = part.partition(".")
            if part == ALL:
                whole = {each for each in CHANNELS if each in allowed}
            elif channel not in CHANNELS or not symbol:
                yield status("error", f"invalid subscription: {part}")
                continue
            elif channel not in allowed:
                yield NOT_AUTHORIZED
                continue
            else:
                whole = {channel} if symbol == ALL else set()
            change = set.update if adding else set.difference_update
            change(self.channels, whole)
            if not whole:
                change(self.pairs, {part})
            yield status("success", f"{'subscribed' if adding else 'unsubscribed'} to: {part}")

    def wants(self, pair: str) -> bool:
        """Return whether an event of this pair is for this connection."""
        return pair in self.pairs or (bool(self.channels) and pair.partition(".")[0] in self.channels)

    def as_list(self) -> list[str]:
        """Return everything that was subscribed to, in order."""
        return sorted({*self.pairs, *(f"{channel}.{ALL}" for channel in self.channels)})
