"""The seams of the stream: what the relay's loop, the conversation and their tests are handed.

The relay's loop has no Lambda, no Redis and no socket in it: it runs wherever somebody hands it these.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, Protocol

from dekr.access.principal import Principal
from dekr.stream.cursor import StreamCursor
from dekr.tiers import Tier

CHANGES_KEPT_MS: Final = 600_000
"""The change log keeps an entry for so long."""

HISTORY_MS: Final = 180_000
"""The journal keeps events for so long: longer than the two minutes for which a pair is received after its last listener."""


class Delivered(Enum):
    """The outcome of one post to a connection."""

    SENT = "sent"
    GONE = "gone"
    """400 or 410: there is no such connection any more."""
    SLOW = "slow"
    """429 of this connection alone: its buffer is full."""
    THROTTLED = "throttled"
    """429 of several connections at once: the account's rate is used up."""
    UNKNOWN = "unknown"
    """A time-out or a 5xx, also when it was sent once more at once: it may have been delivered."""


class Sink(Protocol):
    """Delivers frames to connections."""

    async def post(self, connection: str, frame: bytes) -> Delivered:
        """Deliver one frame (at most statuses.MAX_FRAME bytes). Never raises for what the other end does."""
        ...

    async def close(self, connection: str) -> None:
        """Close the connection; nothing where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class FeedFrame:
    """A frame of events from upstream, as text, and when it was received (us, this machine's clock). It has no status messages."""

    text: str
    received_us: int


@dataclass(frozen=True, slots=True)
class FeedUp:
    """The upstream accepts subscriptions: the first time, or again after a FeedDown."""


@dataclass(frozen=True, slots=True)
class FeedDown:
    """The upstream cannot be reached any more; ``reason`` is for the log. What it sent since ``heard_us``, when it was heard last,
    is lost (us, this machine's clock): a connection may be dead for long before that is noticed.
    """

    reason: str
    heard_us: int


@dataclass(frozen=True, slots=True)
class FeedRefused:
    """The upstream does not let this plan have these pairs."""

    pairs: frozenset[str]
    message: str


type FeedMessage = FeedFrame | FeedUp | FeedDown | FeedRefused


class Feed(Protocol):
    """The one socket to the upstream. It connects, signs in, reconnects with backoff and keeps the subscriptions by itself."""

    def want(self, pairs: Collection[str]) -> None:
        """Set what is subscribed to (texts of pairs). The feed sends only what differs from before."""
        ...

    def take(self) -> Sequence[FeedMessage]:
        """Return what arrived since the last call, in order. Never waits."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class State(StrEnum):
    """The state of a connection in the registry."""

    NEW = "new"
    """Not signed in. What it subscribes to is parked."""
    ADMITTED = "admitted"
    """Signed in; the client is being told. What it subscribes to is parked."""
    LISTENING = "listening"
    """Told. Subscriptions take effect at once."""
    GONE = "gone"
    """Closed, or never opened."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is behind a connection. ``key_id`` is empty for a token, whose ``ends_ms`` is its expiry (None: no end)."""

    user: str
    tier: Tier
    key_id: str
    ends_ms: int | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Subscriber":
        """The caller whom a key or a token proved."""
        ends_ms = None if principal.ends_us is None else principal.ends_us // 1000
        return cls(principal.user_id, principal.tier, principal.key_id, ends_ms)


@dataclass(frozen=True, slots=True)
class Listener:
    """A connection that is signed in, as the registry has it. ``pairs``: texts of pairs. ``opened_ms``: when it connected."""

    connection: str
    subscriber: Subscriber
    pairs: frozenset[str]
    opened_ms: int


class ChangeKind(StrEnum):
    """The kind of an entry of the change log."""

    ADD = "add"
    REMOVE = "remove"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the change log: one message of a client.

    ``pairs`` take effect; ``overtaken`` are acknowledged alone, because a later message about them was applied earlier.
    ``since``: replay from there on. ``snapshot``: send the latest event of each pair first.
    """

    connection: str
    kind: ChangeKind
    pairs: tuple[str, ...] = ()
    overtaken: tuple[str, ...] = ()
    at_ms: int = 0
    since: StreamCursor | None = None
    snapshot: bool = False
    subscriber: Subscriber | None = None
    opened_ms: int = 0


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event of a pair: its text as the upstream sent it, without ``_n``, and its number.

    ``pair`` is ``T.AAPL``, never ``A.*``.
    """

    pair: str
    number: int
    raw: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The write of one tick of the relay.

    ``tick``: its id (ms; larger than all before). ``events``: in order. ``behind``: the connections that have not received all
    events before this tick, each with the last tick that it has; all others have. ``covered``: pairs whose events are
    received without a break from this tick on. ``uncovered``: pairs whose events are not received any more. ``acknowledged``:
    where in the change log a successor has to go on, because clients have not been told of what is later; empty: where this
    relay does.
    """

    tick: int
    events: Sequence[NumberedEvent] = ()
    behind: Mapping[str, int] = field(default_factory=dict)
    covered: Collection[str] = ()
    uncovered: Collection[str] = ()
    acknowledged: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """The state that a relay finds when it begins.

    ``generation``: the number of the present numbering. ``tick``: the last tick that was written (0: none). ``numbers``: the
    last number of each pair. ``covered``: since which tick each pair's events are complete up to ``tick``. ``position`` and
    ``behind`` are the last checkpoint: all connections have the events up to tick ``position``, but for those in ``behind``.
    ``listeners``: the registry. ``changes``: where in the change log to go on: ``acknowledged`` of the last tick that was
    written, or its ``changes_after``, because what came later may not have been acknowledged. So changes are read again that
    the registry has already; where the log does not reach back so far, it is read from its oldest entry on.
    ``complete``: the last tick of which every part is known to be written (0: unknown). It is earlier than ``tick`` where a
    relay ended in the middle of writing one; then ``tick`` has events to deliver and lacks others, so a gap begins at
    ``complete``. The pairs in ``covered`` stay covered until a tick says otherwise: where events were not received since
    ``complete``, the first tick must name them in ``uncovered`` (or anew in ``covered``).
    """

    generation: int
    tick: int
    numbers: Mapping[str, int]
    covered: Mapping[str, int]
    position: int
    behind: Mapping[str, int]
    listeners: Sequence[Listener]
    changes: str
    complete: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a tick's one round trip. ``fenced``: another relay has begun, and nothing of this tick may be posted.

    ``changes``: the entries of the change log since the last look; ``position``: where to go on.
    """

    fenced: bool
    changes: Sequence[Change] = ()
    position: str = "0-0"


@dataclass(frozen=True, slots=True)
class Replay:
    """Logged events, each with its tick. ``complete_from``: the tick after which nothing is missing, which is later than what was
    requested where history was lost.
    """

    events: Sequence[tuple[int, NumberedEvent]]
    complete_from: int


class Journal(Protocol):
    """The relay's memory in the store, fenced by its epoch. Its methods block; the loop calls them in one thread of their own."""

    def begin(self, epoch: int) -> Begun | None:
        """Raise all fences to ``epoch`` and read what the relay before left. None: a later relay has begun. Raises StoreDown."""
        ...

    def write(self, tick: Tick, changes_after: str) -> Written:
        """Append the events, write the beat and the checkpoint, and read the change log, in one round trip. Raises StoreDown; the
        same tick may then be written again, and what it has written already is not written twice.
        """
        ...

    def replay(self, pairs: Collection[str], after: int, until: int) -> Replay:
        """Read the logged events of these pairs in the ticks after ``after`` up to ``until``. ``A.*`` among the pairs stands for
        all pairs of its channel. Raises StoreDown.
        """
        ...

    def drop(self, connection: str) -> None:
        """Take a connection that is gone out of the registry. Raises StoreDown."""
        ...

    def stop(self, changes_after: str) -> bool:
        """Write that no relay runs. False where the change log has something newer, which is for this relay to serve then. Raises
        StoreDown.
        """
        ...
