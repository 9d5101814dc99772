"""One event of a connection while it is handled: what it is, how it went, and the facts of its log line."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dekr.errors import DekrError
from dekr.stream.conversation.client import Client
from dekr.stream.conversation.messages import Action
from dekr.stream.ports import Subscriber

METRICS: Final = ("stream_connects", "stream_messages", "stream_refusals", "stream_failures")
"""The facts that are counted as metrics: connections that were accepted, messages, those that were refused, and failures of the
service's own.
"""

_SERVER_ERROR: Final = 500


class EventType(StrEnum):
    """The kind of an event. The first three are API Gateway's words, which go by what happened and not by what a client wrote."""

    CONNECT = "CONNECT"
    DISCONNECT = "DISCONNECT"
    MESSAGE = "MESSAGE"
    GREETING = "GREETING"
    """The function's own event, because nothing can be sent to a connection while its CONNECT is being answered."""


class Outcome(StrEnum):
    """The outcome of an event."""

    DONE = "done"
    PARKED = "parked"
    """The subscriptions wait for the sign-in."""
    REFUSED = "refused"
    """By a limit, for a tier, or because the client's message or credential is not good."""
    FLOODING = "flooding"
    """One message too many, not read."""
    REPEATED = "repeated"
    """The event was handled before."""
    UNKNOWN = "unknown"
    """The registry has no such connection."""
    FAILED = "failed"
    """The service could not do it."""


@dataclass(slots=True, eq=False)
class Turn:
    """One event. ``address``: the client's. ``at_ms``: when API Gateway received it (ms since the epoch).

    ``status``: the HTTP status that API Gateway gets, which means something for CONNECT alone. ``crash``: an error that nobody
    expected. ``seconds``: the time that it took.
    """

    event: EventType
    client: Client
    address: str
    at_ms: int
    action: Action | None = None
    subscriber: Subscriber | None = None
    outcome: Outcome = Outcome.DONE
    error: DekrError | None = None
    crash: Exception | None = None
    status: int = 200
    seconds: float = 0.0

    @property
    def connection(self) -> str:
        """The id of the connection."""
        return self.client.connection

    def refuse(self, error: DekrError | None = None) -> None:
        """Note that it is refused, and by which error."""
        self.outcome, self.error = Outcome.REFUSED, error

    def fail(self, error: DekrError) -> None:
        """Note the error that ended it: the client's own mistake, or a failure of the service."""
        self.error = error
        self.outcome = Outcome.FAILED if error.status >= _SERVER_ERROR else Outcome.REFUSED

    def facts(self) -> Mapping[str, Any]:
        """The facts of its log line, METRICS among them."""
        who = self.subscriber
        return {
            "event": self.event,
            "action": self.action,
            "connection": self.connection,
            "user": who.user if who else None,
            "tier": str(int(who.tier)) if who else None,
            "outcome": self.outcome,
            "duration_ms": round(self.seconds * 1000, 1),
            "posts": self.client.posts,
            "lost": self.client.lost,
            "gone": self.client.gone,
            "stream_connects": int(self.event is EventType.CONNECT and self.outcome is Outcome.DONE),
            "stream_messages": int(self.event is EventType.MESSAGE),
            "stream_refusals": int(self.outcome in {Outcome.REFUSED, Outcome.FLOODING}),
            "stream_failures": int(self.outcome is Outcome.FAILED),
        }
