"""The latest quote and the latest trade of one ticker.

The plan behind the service decides where they can come from. The best source that it includes is used, and named: the
last quote or trade itself, a snapshot, the close of the last minute bar, the previous day's close.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease, lease_of
from dekr.errors import UnknownSymbol, UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import EntryBuilder, refusal
from dekr.market.quotes.shared_refresh import SharedRefresh
from dekr.market.quotes.sources import BARS, LADDERS
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, Requirement, real_time
from dekr.polygon.failures import NotEntitled
from dekr.symbols import Ticker
from dekr.times import rfc3339

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Latest

MAX_PLANS: Final = 4_096
LEASE_MS: Final = 5_000

OF_BARS: Final = ("minute", "prev")
"""The families whose answers are bars."""


@dataclass(frozen=True, slots=True)
class LatestPrices:
    """The service of the latest quote or trade, as ``datum`` says.

    ``client`` is asked for on the first miss, so that hits never load the HTTP client.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"
    shared: SharedRefresh
    datum: Datum
    _plan: Callable[[Ticker], tuple[Requirement, Fetch]] = field(init=False)

    def __post_init__(self) -> None:
        # The same few tickers are most of what is asked for.
        object.__setattr__(self, "_plan", lru_cache(MAX_PLANS)(self._plan_of))

    def get(self, context: ReadContext, ticker: Ticker) -> str:
        """The JSON of ``dekr.models.Quote`` or ``Trade``. Raises UnknownSymbol."""
        answer = answer_of(self._entry(context, ticker), ticker.text, self.datum)
        context.source, context.delayed = answer.source, answer.delayed
        return answer.text

    def sent(self, context: ReadContext, ticker: Ticker) -> dict[str, Any]:
        """The quote or trade as the upstream sent it. Raises UnknownSymbol, and UpstreamNotEntitled where there is only a
        bar's close.
        """
        entry = self._entry(context, ticker)
        answer = answer_of(entry, ticker.text, self.datum)
        context.source, context.delayed = answer.source, answer.delayed
        if entry.kind is Kind.STAND_IN and context.failure is not None:
            raise context.failure
        if answer.source in BARS:
            raise UpstreamNotEntitled(
                f"You are not entitled to this data. The service's own plan has no {self.datum}s of {ticker.text}, only prices "
                f"of its bars: GET /{self.datum}/{ticker.text} answers with these."
            )
        return {"T": ticker.text, **answer.fields}

    def _entry(self, context: ReadContext, ticker: Ticker) -> Entry:
        requirement, fetch = self._plan(ticker)
        entry = self.reader.read(context, (requirement,), fetch)[requirement.key]
        if entry.kind is Kind.NEGATIVE:
            raise refusal(entry, ticker.text)
        self.reader.demand.note(ticker.text, entry.stamp_us, context.policy.real_time_s)
        return entry

    def _plan_of(self, ticker: Ticker) -> tuple[Requirement, Fetch]:
        """What a read wants, and how to get it where it is missing."""
        key, lease = self.reader.cache.key(ticker.text, self.datum), lease_of(self.datum, [ticker.text])
        fetch = Fetch(
            lease,
            LADDERS[self.datum],
            LEASE_MS,
            lambda permit, _, old: self._fetch(ticker.text, permit, _stand_in(old.get(key))),
            covered_by=Lease.MARKET_QUOTES,
        )
        return real_time(key), fetch

    def _fetch(self, ticker: str, permit: Permit, stand_in: Entry | None) -> list[Write]:
        return self.shared.fetch(permit, [ticker], self.datum, lambda _: self._own(ticker, permit, stand_in))

    def _own(self, ticker: str, permit: Permit, stand_in: Entry | None) -> list[Write]:
        """What the best source gives that the plan includes and that has a price. ``stand_in``: what a batch has found of the
        ticker, which shows that there is one.
        """
        builder = EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us)
        family = permit.family
        while True:
            if stand_in is not None and stand_in.stamp_us > permit.floor_us and family in OF_BARS:
                # It is what would be fetched now.
                permit.stamp_us = stand_in.stamp_us
                return [builder.promoted(ticker, self.datum, stand_in)]
            try:
                writes = self._from(family, ticker, permit, builder)
            except UnknownSymbol:
                if stand_in is None:
                    break
                writes = []
            if writes:
                return writes
            if family == LADDERS[self.datum][-1]:
                break
            family = permit.step_down()
        return [builder.nothing(ticker, self.datum)]

    def _from(self, family: str, ticker: str, permit: Permit, builder: EntryBuilder) -> list[Write]:
        """What this family has; nothing where the plan does not include it, or it knows no price."""
        client = self.client()
        try:
            if family == "snapshot":
                found = client.snapshot(ticker, permit)
                if found is None or (found.quote if self.datum == Datum.QUOTE else found.trade) is None:
                    return []
                return builder.snapshot(found, Datum.SNAPSHOT, self.datum)
            latest = self._ask(client, family, ticker, permit)
        except NotEntitled:
            if family == LADDERS[self.datum][-1]:
                raise
            return []
        return [] if latest is None else [builder.latest(ticker, self.datum, latest)]

    def _ask(self, client: "PolygonClient", family: str, ticker: str, permit: Permit) -> "Latest | None":
        match family:
            case "nbbo":
                return client.last_nbbo(ticker, permit)
            case "trade":
                return client.last_trade(ticker, permit)
            case "minute":
                return client.newest_minute(ticker, permit)
            case _:
                return client.previous_close(ticker, permit)


def _stand_in(entry: Entry | None) -> Entry | None:
    return entry if entry is not None and entry.kind is Kind.STAND_IN else None


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer: its JSON, where it came from, and the fields that it was made of."""

    text: str
    source: str
    delayed: bool
    fields: dict[str, Any]


def answer_of(entry: Entry, ticker: str, datum: Datum) -> Answer:
    """The answer that a cached quote or trade makes, made once for as long as the entry is kept."""
    return entry.view(_quote if datum == Datum.QUOTE else _trade, ticker)


def _quote(data: dict[str, Any], ticker: str) -> Answer:
    """Lower-case p and s are the bid, upper-case P and S the ask; a bar has neither, so its close stands for both."""
    fields = data["fields"]
    if data["source"] in BARS:
        sides = {"bid": fields["c"], "ask": fields["c"], "bid_size": None, "ask_size": None}
    else:
        names = (("bid", "p"), ("ask", "P"), ("bid_size", "s"), ("ask_size", "S"))
        sides = {name: fields.get(short) for name, short in names}
    return _answer(data, {"symbol": ticker, **sides})


def _trade(data: dict[str, Any], ticker: str) -> Answer:
    """A bar has no trade, so its close stands for the price alone."""
    fields = data["fields"]
    price = fields["c"] if data["source"] in BARS else fields["p"]
    names = (("size", "s"), ("exchange", "x"), ("id", "i"), ("conditions", "c"))
    rest = {name: None if data["source"] in BARS else fields.get(short) for name, short in names}
    return _answer(data, {"symbol": ticker, "price": price, **rest})


def _answer(data: dict[str, Any], answer: dict[str, Any]) -> Answer:
    source, fields = data["source"], data["fields"]
    answer["timestamp"] = rfc3339(fields["t"] * 1_000_000 if source in BARS else fields["t"])
    return Answer(json.dumps(answer, separators=(",", ":")), source, data["delayed"], fields)
