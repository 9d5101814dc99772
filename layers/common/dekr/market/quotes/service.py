"""The latest quote and the latest trade of one ticker.

The plan behind the service decides where they can come from. The best source that it includes is used, and named: the
last quote or trade itself, a snapshot, the close of the last minute bar, the previous day's close.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.keys import Datum, Lease, lease_of
from dekr.errors import UpstreamNotEntitled
from dekr.market.quotes.answer import Answer, answer_of
from dekr.market.quotes.entries import refusal
from dekr.market.quotes.ladder import LadderFetcher
from dekr.market.quotes.shared_refresh import SharedRefresh
from dekr.market.quotes.sources import BAR_SOURCES, LADDERS
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement, real_time
from dekr.polygon.endpoints import lease_ms
from dekr.symbols import Ticker

MAX_PLANS: Final = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class LatestPrices:
    """The service of the latest quote or trade, as ``datum`` says. ``shared`` makes fetches that bring other tickers, too."""

    shared: SharedRefresh
    datum: Datum
    _plan: Callable[[Ticker], tuple[Requirement, Fetch]] = field(init=False)

    def __post_init__(self) -> None:
        # The same few tickers are most of what is read.
        object.__setattr__(self, "_plan", lru_cache(MAX_PLANS)(self._plan_of))

    def get(self, context: ReadContext, ticker: Ticker) -> str:
        """The JSON of ``dekr.models.quotes.Quote`` or ``Trade``. Raises UnknownSymbol."""
        _, answer = self._read(context, ticker)
        return answer.text

    def sent(self, context: ReadContext, ticker: Ticker) -> dict[str, Any]:
        """The quote or trade as the upstream sent it. Raises UnknownSymbol, and UpstreamNotEntitled where there is only a
        bar's close.
        """
        entry, answer = self._read(context, ticker)
        if entry.kind is Kind.STAND_IN and context.failure is not None:
            raise context.failure
        if answer.source in BAR_SOURCES:
            raise UpstreamNotEntitled(
                f"You are not entitled to this data. The service's own plan has no {self.datum}s of {ticker.text}, only prices "
                f"of its bars: GET /{self.datum}/{ticker.text} answers with these."
            )
        return {"T": ticker.text, **answer.fields}

    def _read(self, context: ReadContext, ticker: Ticker) -> tuple[Entry, Answer]:
        requirement, fetch = self._plan(ticker)
        reader = self.shared.reader
        entry = reader.read(context, (requirement,), fetch)[requirement.key]
        if entry.kind is Kind.NEGATIVE:
            raise refusal(entry, ticker.text)
        reader.demand.count_served(ticker.text, entry.stamp_us)
        answer = answer_of(entry, ticker.text, self.datum)
        context.source, context.delayed, context.flaws = answer.source, answer.delayed, answer.flaws
        return entry, answer

    def _plan_of(self, ticker: Ticker) -> tuple[Requirement, Fetch]:
        """The requirement of a read, and the fetch of what is missing."""
        ladder = LADDERS[self.datum]
        fetch = Fetch(
            lease_of(self.datum, [ticker.text]),
            tuple(endpoint.family for endpoint in ladder),
            lease_ms(*ladder),
            LadderFetcher(self.shared, ticker.text, self.datum),
            covered_by=Lease.MARKET_QUOTES,
        )
        return real_time(self.shared.reader.cache.key(ticker.text, self.datum)), fetch
