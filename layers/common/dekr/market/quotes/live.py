"""Quotes and trades of the live stream as entries of the cache: what was streamed needs no fetch.

An entry is stamped with the earlier of the event's own time and its receipt, so a delayed or late event is never taken for
a fresh one, and a clock that runs ahead upstream makes nothing younger than it is. Older data never takes the place of newer:
the newest event of a ticker is chosen here, and the store keeps it only where it is newer than what it has.

Events: https://massive.com/docs/websocket/stocks/quotes and /trades; all their times are milliseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeIs

from dekr.cache.entry_cache import CHUNK, EntryCache, Write
from dekr.cache.keys import Datum
from dekr.data_source import DataSource
from dekr.errors import InvalidInput
from dekr.market.quotes.entries import EntryBuilder
from dekr.polygon.latest import Latest
from dekr.symbols import Ticker
from dekr.times import FAR_FUTURE_MS

_QUOTE_NAMES: Final = dict(zip(("bp", "bs", "bx", "ap", "as", "ax", "i", "q", "z"), "psxPSXiqz", strict=True))
_TRADE_NAMES: Final = {"p": "p", "s": "s", "x": "x", "i": "i", "c": "c", "q": "q", "z": "z", "trfi": "r"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of a batch of events: ``written`` refreshed the cache, ``older`` came after something newer of the same
    ticker, ``bad`` are no quotes or trades.
    """

    written: int
    older: int
    bad: int


@dataclass(frozen=True, slots=True, eq=False)
class LiveQuotes:
    """Writes streamed quotes and trades. ``stale_us``: how long beyond its age an entry is kept."""

    cache: EntryCache
    stale_us: int

    def accept(self, events: Sequence[Mapping[str, Any]], received_us: int) -> Accepted:
        """Keep the newest quote and trade of each ticker among these events (``ev`` Q and T), received at ``received_us`` on
        the store's clock. Raises StoreDown.
        """
        newest: dict[tuple[str, Datum], _Event] = {}
        bad = 0
        for sent in events:
            event = _event(sent)
            if event is None:
                bad += 1
                continue
            kept = newest.get((event.ticker, event.datum))
            if kept is None or kept.time_us <= event.time_us:
                newest[event.ticker, event.datum] = event
        writes = [self._write(event, received_us) for event in newest.values()]
        written = sum(self._keep(writes[start : start + CHUNK]) for start in range(0, len(writes), CHUNK))
        return Accepted(written, len(events) - bad - written, bad)

    def _write(self, event: "_Event", received_us: int) -> Write:
        builder = EntryBuilder(self.cache, min(event.time_us, received_us), self.stale_us)
        return builder.latest(event.ticker, event.datum, Latest(DataSource.STREAM, event.fields, delayed=False))

    def _keep(self, writes: Sequence[Write]) -> int:
        # Without copies: this sandbox reads the stream, others serve.
        return sum(self.cache.store.run(*self.cache.put(writes, copy=False)))


@dataclass(frozen=True, slots=True)
class _Event:
    """One event: its ticker, the datum that it is of, its own time, and its fields in the names of ``/v2/last``."""

    ticker: str
    datum: Datum
    time_us: int
    fields: dict[str, Any]


def _event(sent: object) -> _Event | None:
    """The quote or trade that was sent; None for anything else."""
    if not isinstance(sent, Mapping):
        return None
    kind, symbol, time_ms = sent.get("ev"), sent.get("sym"), sent.get("t")
    made = _KINDS.get(kind) if isinstance(kind, str) else None
    if made is None or not isinstance(symbol, str) or not _is_time(time_ms):
        return None
    datum, fields_of = made
    fields = fields_of(sent)
    try:
        ticker = Ticker.parse(symbol).text
    except InvalidInput:
        return None
    if fields is None or ticker != symbol:
        return None
    return _Event(ticker, datum, time_ms * 1000, {**fields, "t": time_ms * 1_000_000})


def _quote(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """A quote's fields as ``/v2/last/nbbo`` names them; None without a side that somebody quotes."""
    fields = {name: sent[short] for short, name in _QUOTE_NAMES.items() if sent.get(short) is not None}
    if not all(_is_amount(fields[name]) for name in ("p", "s", "P", "S") if name in fields):
        return None
    if not fields.get("p") and not fields.get("P"):
        return None
    condition = sent.get("c")
    if condition is not None:
        # The stream sends one condition, the REST route a list of them.
        fields["c"] = condition if isinstance(condition, list) else [condition]
    return fields


def _trade(sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """A trade's fields as ``/v2/last/trade`` names them; None without a price."""
    fields = {name: sent[short] for short, name in _TRADE_NAMES.items() if sent.get(short) is not None}
    if not _is_amount(fields.get("p")) or fields["p"] == 0 or not _is_amount(fields.get("s", 0)):
        return None
    reported_ms = sent.get("trft")
    if _is_time(reported_ms):
        fields["f"] = reported_ms * 1_000_000
    return fields


_KINDS: Final[dict[str, tuple[Datum, Callable[[Mapping[str, Any]], dict[str, Any] | None]]]] = {
    "Q": (Datum.QUOTE, _quote),
    "T": (Datum.TRADE, _trade),
}


def _is_time(value: object) -> TypeIs[int]:
    """Whether this is a time in milliseconds."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < FAR_FUTURE_MS


def _is_amount(value: object) -> bool:
    """Whether this is a price or a size: a number that is not negative, and finite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
