"""The quote, trade and closes in an upstream snapshot of a ticker, in the terms of the upstream's other endpoints.

The single-ticker and market snapshots (v2) and the universal one (v3) name the same things differently. Here both become
the fields of a last quote and a last trade as ``/v2/last/*`` has them: lower-case p and s the bid (or a trade's price and
size), upper-case P and S the ask, t in nanoseconds. Values are not touched.
"""

from dataclasses import dataclass
from typing import Any

from dekr.cache.keys import Datum
from dekr.data_source import DataSource
from dekr.flaws import BROKEN
from dekr.polygon import wire_snapshots


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest price of a ticker: the fields of a quote, trade or bar as the upstream sent them.

    ``source`` names the kind: nbbo, trade, snapshot, minute_bar or previous_close. ``delayed``: whether the upstream labelled it
    as delayed.
    """

    source: DataSource
    fields: dict[str, Any]
    delayed: bool

    @property
    def at_us(self) -> int:
        """Its moment in microseconds since the epoch: the start of a bar, whose ``t`` is in milliseconds."""
        t: int = self.fields["t"]
        return t * 1_000 if self.source in (DataSource.MINUTE_BAR, DataSource.PREVIOUS_CLOSE) else t // 1_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The snapshot of one ticker: ``fields`` is the object as the upstream sent it, ``quote`` and ``trade`` are those in it. Where
    one is missing, the close of the last minute stands for it; None where that is missing, too. ``suspect``: whether some of its
    prices can hardly be true (dekr.flaws).
    """

    ticker: str
    fields: dict[str, Any]
    quote: Latest | None
    trade: Latest | None
    delayed: bool
    suspect: bool = False

    @classmethod
    def broken(cls, ticker: str) -> "Snapshot":
        """Takes the place of a ticker's snapshot that was left out of a list."""
        return cls(ticker, {"error": BROKEN}, None, None, delayed=False)

    def latest(self, datum: Datum) -> Latest | None:
        """The quote or the trade, as ``datum`` (QUOTE or TRADE) says; None where there is none."""
        return self.quote if datum is Datum.QUOTE else self.trade

    @property
    def error(self) -> str | None:
        """The error code that the upstream sent in the place of the data (NOT_FOUND or NOT_ENTITLED), or BROKEN; None where it
        sent data.
        """
        code: str | None = self.fields.get("error")
        return code or None

    def close(self, closed_us: int) -> Latest | None:
        """The close of the previous day, stamped with ``closed_us``, the moment of that close; None where there is none."""
        previous, session = self.fields.get("prevDay") or {}, self.fields.get("session") or {}
        close = previous.get("c") or session.get("previous_close")
        return Latest(DataSource.PREVIOUS_CLOSE, {"c": close, "t": closed_us // 1000}, self.delayed) if close else None


def snapshot_from_v2(found: wire_snapshots.TickerSnapshot, sent: dict[str, Any], *, delayed: bool) -> Snapshot:
    """The snapshot in an item of the v2 endpoints; ``found`` is ``sent`` once validated. ``delayed``: the label of the answer."""
    minute = None
    if found.min is not None and found.min.t > 0 and found.min.c > 0:
        minute = Latest(DataSource.MINUTE_BAR, sent["min"], delayed)
    quote, trade = minute, minute
    if found.lastQuote is not None and not found.lastQuote.empty:
        quote = Latest(DataSource.SNAPSHOT, sent["lastQuote"], delayed)
    if found.lastTrade is not None:
        trade = Latest(DataSource.SNAPSHOT, sent["lastTrade"], delayed)
    return Snapshot(found.ticker, sent, quote, trade, delayed, found.suspect)


def snapshot_from_v3(found: wire_snapshots.UniversalItem, sent: dict[str, Any], *, delayed: bool) -> Snapshot:
    """The snapshot in an item of the v3 endpoint; ``found`` is ``sent`` once validated. ``delayed``: the label of the answer."""
    minute = None
    if found.last_minute is not None and found.last_minute.close > 0 and found.last_minute.last_updated > 0:
        bar = {"c": found.last_minute.close, "t": found.last_minute.last_updated // 1_000_000}
        minute = Latest(DataSource.MINUTE_BAR, bar, delayed)
    quote, trade = minute, minute
    if found.last_quote is not None and (found.last_quote.bid or found.last_quote.ask):
        last = found.last_quote
        sides = {"p": last.bid, "s": last.bid_size, "P": last.ask, "S": last.ask_size, "t": last.last_updated}
        quote = Latest(DataSource.SNAPSHOT, _without_none(sides), delayed or last.timeframe == "DELAYED")
    if found.last_trade is not None:
        last_trade = found.last_trade
        fields = {
            "p": last_trade.price,
            "s": last_trade.size,
            "t": last_trade.at_ns,
            "x": last_trade.exchange,
            "i": last_trade.id,
            "c": last_trade.conditions,
        }
        trade = Latest(DataSource.SNAPSHOT, _without_none(fields), delayed or last_trade.timeframe == "DELAYED")
    labelled = delayed or any(latest.delayed for latest in (quote, trade) if latest is not None)
    return Snapshot(found.ticker, sent, quote, trade, labelled, found.suspect)


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value: the upstream leaves out the others, and so do its quotes and trades."""
    return {name: value for name, value in fields.items() if value is not None}
