"""The answers that a cached quote or trade makes in Dekr's own shape."""

import json
from dataclasses import dataclass
from typing import Any

from dekr.cache.entry import Entry
from dekr.cache.keys import Datum
from dekr.data_source import DataSource
from dekr.flaws import NO_FLAWS, ONE_SUSPECT, Flaws, is_crossed
from dekr.market.quotes.sources import BAR_SOURCES
from dekr.times import rfc3339_ns


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer: its JSON (``dekr.models.quotes.Quote`` or ``Trade``), where it came from, whether it is delayed, the
    upstream's fields that it was made of, and its flaws: a bid above the ask, or a price of zero.
    """

    text: str
    source: DataSource
    delayed: bool
    fields: dict[str, Any]
    flaws: Flaws


def answer_of(entry: Entry, ticker: str, datum: Datum) -> Answer:
    """The answer that a cached quote or trade makes, made once for as long as the entry is kept."""
    return entry.view(_quote if datum is Datum.QUOTE else _trade, ticker)


def _quote(data: dict[str, Any], ticker: str) -> Answer:
    """Lower-case p and s are the bid, upper-case P and S the ask; a bar has neither, so its close stands for both."""
    fields = data["fields"]
    if data["source"] in BAR_SOURCES:
        sides = {"bid": fields["c"], "ask": fields["c"], "bid_size": None, "ask_size": None}
    else:
        names = (("bid", "p"), ("ask", "P"), ("bid_size", "s"), ("ask_size", "S"))
        sides = {name: fields.get(short) for name, short in names}
    bid, ask = sides["bid"], sides["ask"]
    return _answer(data, {"symbol": ticker, **sides}, suspect=is_crossed(bid, ask) or not (bid or ask))


def _trade(data: dict[str, Any], ticker: str) -> Answer:
    """A bar has no trade, so its close stands for the price alone."""
    fields, of_bar = data["fields"], data["source"] in BAR_SOURCES
    names = (("size", "s"), ("exchange", "x"), ("id", "i"), ("conditions", "c"))
    rest = {name: None if of_bar else fields.get(short) for name, short in names}
    price = fields["c" if of_bar else "p"]
    return _answer(data, {"symbol": ticker, "price": price, **rest}, suspect=not price)


def _answer(data: dict[str, Any], answer: dict[str, Any], *, suspect: bool) -> Answer:
    source, fields = DataSource(data["source"]), data["fields"]
    answer["timestamp"] = rfc3339_ns(fields["t"] * 1_000_000 if source in BAR_SOURCES else fields["t"])
    flaws = ONE_SUSPECT if suspect else NO_FLAWS
    return Answer(json.dumps(answer, separators=(",", ":")), source, data["delayed"], fields, flaws)
