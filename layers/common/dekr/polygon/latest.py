"""What an upstream snapshot of a ticker holds, in the terms of its other endpoints.

The single-ticker and market snapshots (v2) and the universal one (v3) name the same things differently. Here both become
the fields of a last quote and a last trade as ``/v2/last/*`` has them: lower-case p and s the bid (or a trade's price and
size), upper-case P and S the ask, t in nanoseconds. Values are not touched.
"""

from dataclasses import dataclass
from typing import Any

from dekr.cache.keys import Datum
from dekr.polygon import wire_snapshots


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest price of a ticker: the fields of a quote, trade or bar as the upstream sent them.

    ``source`` names the kind: nbbo, trade, snapshot, minute_bar or previous_close. ``delayed``: the upstream labelled it
    as such.
    """

    source: str
    fields: dict[str, Any]
    delayed: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One ticker of a snapshot: the object as sent, and the quote and trade in it; without them the close of its last
    minute stands for both, where there is one.
    """

    ticker: str
    fields: dict[str, Any]
    quote: Latest | None
    trade: Latest | None
    delayed: bool

    def latest(self, datum: Datum) -> Latest | None:
        """The quote or the trade, as ``datum`` (QUOTE or TRADE) says."""
        return self.quote if datum is Datum.QUOTE else self.trade

    @property
    def error(self) -> str | None:
        """The word that the upstream put in the place of the data: NOT_FOUND or NOT_ENTITLED."""
        word: str | None = self.fields.get("error")
        return word

    def close(self, closed_us: int) -> Latest | None:
        """The previous day's close, which was at that moment; None where there is none."""
        previous, session = self.fields.get("prevDay") or {}, self.fields.get("session") or {}
        close = previous.get("c") or session.get("previous_close")
        return Latest("previous_close", {"c": close, "t": closed_us // 1000}, self.delayed) if close else None


def of_market(found: wire_snapshots.TickerSnapshot, sent: dict[str, Any], *, delayed: bool) -> Snapshot:
    """A ticker of the v2 snapshots."""
    minute = None
    if found.min is not None and found.min.t > 0 and found.min.c > 0:
        minute = Latest("minute_bar", sent["min"], delayed)
    quote, trade = minute, minute
    if found.lastQuote is not None and not found.lastQuote.empty:
        quote = Latest("snapshot", sent["lastQuote"], delayed)
    if found.lastTrade is not None:
        trade = Latest("snapshot", sent["lastTrade"], delayed)
    return Snapshot(found.ticker, sent, quote, trade, delayed)


def of_universe(found: wire_snapshots.UniversalItem, sent: dict[str, Any], *, delayed: bool) -> Snapshot:
    """An item of the v3 snapshot."""
    minute = None
    if found.last_minute is not None and found.last_minute.close > 0 and found.last_minute.last_updated > 0:
        bar = {"c": found.last_minute.close, "t": found.last_minute.last_updated // 1_000_000}
        minute = Latest("minute_bar", bar, delayed)
    quote, trade = minute, minute
    if found.last_quote is not None and (found.last_quote.bid or found.last_quote.ask):
        last = found.last_quote
        sides = {"p": last.bid, "s": last.bid_size, "P": last.ask, "S": last.ask_size, "t": last.last_updated}
        quote = Latest("snapshot", _given(sides), delayed or last.timeframe == "DELAYED")
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
        trade = Latest("snapshot", _given(fields), delayed or last_trade.timeframe == "DELAYED")
    labelled = delayed or any(latest.delayed for latest in (quote, trade) if latest is not None)
    return Snapshot(found.ticker, sent, quote, trade, labelled)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that the upstream has: it leaves out the others, and so do we."""
    return {name: value for name, value in fields.items() if value is not None}
