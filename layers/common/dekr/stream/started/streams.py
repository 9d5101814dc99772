"""Streams that are started over HTTP: a client connects with a ticket and needs to send no message.

Until then a stream is its record alone (dekr.stream.started.records). From then on what it delivers is what the registry has of its
connection, which the client may change, too.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol
from urllib.parse import quote

from dekr.access.principal import Principal
from dekr.errors import InvalidInput, StoreDown, StreamEnded, UnknownStream
from dekr.stream.pairs import ALL, Channel, Pair
from dekr.stream.ports import ChangeKind, Listener, State, Subscriber
from dekr.stream.registry import Changed, Registry
from dekr.stream.registry.replies import STREAMING
from dekr.stream.started.records import ID, StreamRecord, StreamRecords, StreamSpec, StreamState, owner_of
from dekr.stream.started.tickets import Tickets
from dekr.stream.started.wish import Wish, check_all, check_symbols, require
from dekr.tiers import Tier

TRIES: Final = 5
"""So often a change of a stream that waits is tried, where others change it at the same time."""


class Closer(Protocol):
    """Closes connections of clients (dekr.stream.aws)."""

    def close(self, connection: str) -> None:
        """Close the connection; nothing where there is none."""
        ...


class Waker(Protocol):
    """Starts a relay."""

    def wake(self) -> None:
        """Have a relay started, and do not wait for it. Never raises: the schedule starts one, too."""
        ...


@dataclass(frozen=True, slots=True)
class Started:
    """A stream that was just started: the URL to connect to, until when (us)."""

    stream_id: str
    url: str
    until_us: int


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream as its owner sees it. ``until_us``: when it ends by itself (None: it has); ``since_us``: since when it is or was
    connected (None: never). ``pairs``: texts of pairs, in order.
    """

    stream_id: str
    state: StreamState
    pairs: tuple[str, ...]
    until_us: int | None = None
    since_us: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Starts, shows, changes and ends streams. A stream of somebody else is an unknown one.

    ``connections`` and ``waker`` are made on first use, because they load the HTTP client, which most requests do not need.
    ``url``: the URL that clients connect to. ``new_id`` makes ids (24 random hexadecimal digits). Every method raises StoreDown.
    """

    records: StreamRecords
    tickets: Tickets
    registry: Registry
    connections: Callable[[], Closer]
    waker: Callable[[], Waker]
    url: str
    new_id: Callable[[], str]

    def start(self, caller: Principal, wish: Wish) -> Started:
        """Start a stream. Raises FeatureNotInTier and InvalidInput for what the caller's tier may not have."""
        wish.check(caller.tier)
        owner, stream_id = owner_of(caller.user_id), self.new_id()
        until_us = self.records.start(owner, stream_id, StreamSpec(Subscriber.of(caller), wish))
        until_us = until_us if caller.ends_us is None else min(until_us, caller.ends_us)
        ticket = self.tickets.issue(owner, stream_id)
        return Started(stream_id, f"{self.url}?ticket={quote(ticket, safe='')}", until_us)

    def find(self, caller: Principal, stream_id: str) -> StreamView:
        """Look at a stream. Raises UnknownStream."""
        return self._view(stream_id, self._record(caller, stream_id))

    def change(
        self, caller: Principal, stream_id: str, add: Sequence[str], remove: Sequence[str], at_ms: int
    ) -> StreamView:
        """Have a stream deliver more symbols and others no longer, in all of its channels, as of the moment ``at_ms``.

        Raises UnknownStream, StreamEnded, FeatureNotInTier and InvalidInput, which names ``add``. Only where the caller's other
        connections have taken what the tier allows, some symbols of ``add`` may have been added all the same.
        """
        for _ in range(TRIES):
            record = self._record(caller, stream_id)
            if record.state is StreamState.ENDED:
                raise StreamEnded
            if add:
                require(STREAMING, "streams", caller.tier)
            if ALL in add:
                check_all(record.spec.wish.channels, caller.tier, "add")
            if record.state is StreamState.CONNECTED:
                self._change_connected(caller.tier, record, add, remove, at_ms)
                return self._view(stream_id, record)
            wish = record.spec.wish
            wish = replace(wish, symbols=_changed(wish.symbols, add, remove))
            if add:
                wish.check(caller.tier, "add")
            spec = StreamSpec(record.spec.subscriber, wish)
            if self.records.amend(owner_of(caller.user_id), stream_id, record, spec):
                return self._view(stream_id, replace(record, spec=spec))
        raise StoreDown(fault="the stream was changed by others again and again")

    def end(self, caller: Principal, stream_id: str, at_ms: int) -> None:
        """End a stream as of the moment ``at_ms``: unsubscribe and close its connection. Raises UnknownStream."""
        connection = self.records.end(owner_of(caller.user_id), stream_id) if ID.fullmatch(stream_id) else None
        if connection is None:
            raise UnknownStream
        if connection:
            self.registry.close(connection, at_ms)
            self.connections().close(connection)

    def _record(self, caller: Principal, stream_id: str) -> StreamRecord:
        record = self.records.read(owner_of(caller.user_id), stream_id) if ID.fullmatch(stream_id) else None
        if record is None:
            raise UnknownStream
        return record

    def _view(self, stream_id: str, record: StreamRecord) -> StreamView:
        wish, since_us = record.spec.wish, record.since_us or None
        pairs, state = _texts(wish.pairs), record.state
        if state is StreamState.CONNECTED:
            listener = self.registry.find(record.connection)
            if listener is not None:
                pairs = tuple(sorted(listener.pairs))
            elif self._is_gone(record.connection):
                state = StreamState.ENDED
        if state is StreamState.ENDED:
            return StreamView(stream_id, state, pairs, since_us=since_us)
        ends_ms = record.spec.subscriber.ends_ms
        until_us = record.until_us if ends_ms is None else min(record.until_us, ends_ms * 1000)
        return StreamView(stream_id, state, pairs, until_us, since_us)

    def _is_gone(self, connection: str) -> bool:
        # Connected by its ticket, and not listening yet, where it is not gone.
        return self.registry.look_up(connection).state is State.GONE

    def _change_connected(
        self, tier: Tier, record: StreamRecord, add: Sequence[str], remove: Sequence[str], at_ms: int
    ) -> None:
        channels, connection = record.spec.wish.channels, record.connection
        if add:
            check_symbols(_changed(self._symbols(record), add, remove), tier, "add")
        changed: Changed | None = None
        if remove:
            changed = self.registry.change(connection, ChangeKind.REMOVE, _pairs(channels, remove), at_ms)
        if add:
            snapshot = record.spec.wish.snapshot
            changed = self.registry.change(connection, ChangeKind.ADD, _pairs(channels, add), at_ms, snapshot=snapshot)
            if changed.wake:
                self.waker().wake()
        if changed is not None and changed.state is State.GONE:
            raise StreamEnded
        if changed is not None and changed.over:
            symbols = sorted({pair.partition(".")[2] for pair in changed.over})
            rule = (
                f"must not make more than {tier.policy.stream_symbols} symbols on your tier, over all of your connections;"
                f" {len(symbols)} of them were not added, such as {symbols[0]}"
            )
            raise InvalidInput("add", rule, code="too_many_symbols")

    def _symbols(self, record: StreamRecord) -> Collection[str]:
        """The symbols that a connected stream delivers now."""
        listener: Listener | None = self.registry.find(record.connection)
        if listener is None:
            return record.spec.wish.symbols
        return {pair.partition(".")[2] for pair in listener.pairs}


def _changed(symbols: Collection[str], add: Collection[str], remove: Collection[str]) -> tuple[str, ...]:
    return tuple(symbol for symbol in dict.fromkeys((*symbols, *add)) if symbol not in set(remove))


def _pairs(channels: Sequence[Channel], symbols: Sequence[str]) -> Sequence[Pair]:
    return Wish(tuple(channels), tuple(symbols)).pairs


def _texts(pairs: Sequence[Pair]) -> tuple[str, ...]:
    return tuple(sorted(pair.text for pair in pairs))
