"""Requests for bars to the upstream, within the history that the plan includes, and for whether it lists a ticker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache import keys
from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.errors import StoreDown
from dekr.gate.permit import Permit
from dekr.market.bars.model import PARTIAL_KEEP_US
from dekr.market.bars.segments import Series
from dekr.passed_over import PassedOver
from dekr.polygon.endpoints import TICKERS
from dekr.polygon.failures import NotEntitled
from dekr.times import DAY_MS

if TYPE_CHECKING:
    from dekr.polygon.client import Bars, PolygonClient

PLAN_HISTORY_YEARS: Final = (20, 15, 10, 5, 2)
"""Years of history that the upstream's plans include, longest first (https://massive.com/pricing)."""

YEAR_MS: Final = 365 * DAY_MS

SHORTEST_HISTORY_MS: Final = PLAN_HISTORY_YEARS[-1] * YEAR_MS - DAY_MS
"""Every plan includes so much (ms)."""


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamBars:
    """Requests bars, and whether a ticker is listed. ``client`` makes the upstream client on the first miss: hits never load it.
    ``cache`` keeps how long the plan's history is not; ``passed_over`` collects failures of the store.
    """

    client: "Callable[[], PolygonClient]"
    cache: EntryCache
    passed_over: PassedOver

    def request(self, series: Series, first_ms: int, last_ms: int, permit: Permit) -> "Bars":
        """Request the bars of a series whose window touches [first_ms, last_ms]: the first page. Raises what the client raises."""
        return self.client().aggs(
            series.ticker, series.multiplier, series.timespan, first_ms, last_ms, permit, adjusted=series.adjusted
        )

    def request_after(self, series: Series, next_url: str, after_ms: int, last_ms: int, permit: Permit) -> "Bars":
        """Request the page at a ``next_url`` of the bars up to ``last_ms``; ``after_ms``: the start of the last bar before it.
        Raises what the client raises.
        """
        return self.client().aggs_after(series.ticker, next_url, after_ms, last_ms, permit)

    def lists(self, ticker: str, permit: Permit) -> bool:
        """Whether the ticker is in the upstream's list of those that are traded. Raises what the client raises."""
        sent = self.client().answer(TICKERS, {"ticker": ticker}, permit).body
        return any(listing["ticker"] == ticker for listing in sent.get("results") or [])

    def request_within_plan(self, series: Series, first_ms: int, last_ms: int, permit: Permit) -> "tuple[Bars, int]":
        """Request the first page of the bars of the part of [first_ms, last_ms] that the plan includes; returns it and where that
        part begins (ms).

        A plan's history goes back some years, and the upstream refuses a range that begins before it: the range is then cut
        to each usual length of history in turn. What was refused is remembered for an hour. Raises NotEntitled where the plan
        includes nothing of the range.
        """
        now_ms = permit.stamp_us // 1000
        cuts = (now_ms - years * YEAR_MS + DAY_MS for years in PLAN_HISTORY_YEARS)
        begins = [first_ms, *(begin_ms for begin_ms in cuts if first_ms < begin_ms < last_ms)]
        refused_ms = self._refused_ms(series) if now_ms - first_ms > SHORTEST_HISTORY_MS else None
        refusal: NotEntitled | None = None
        # The last one is tried whatever is known: all of them may have been refused by mistake.
        for begin_ms in [each for each in begins if refused_ms is None or now_ms - each < refused_ms] or begins[-1:]:
            try:
                return self.request(series, begin_ms, last_ms, permit), begin_ms
            except NotEntitled as error:
                refusal = refusal or error
                self._remember(series, now_ms - begin_ms, permit.stamp_us)
        assert refusal is not None, "there is a beginning to try"
        raise refusal

    def _refused_ms(self, series: Series) -> int | None:
        """The length of history (ms) that the plan is known to lack for bars of this unit; None where nothing is known."""
        try:
            entry = self.cache.read(self._key(series))
        except StoreDown as error:
            self.passed_over.note(error)
            entry = None
        return None if entry is None else int(entry.payload)

    def _remember(self, series: Series, refused_ms: int, stamp_us: int) -> None:
        """Keep that the plan lacks history of this length; a shorter one may be refused for any reason."""
        if refused_ms > SHORTEST_HISTORY_MS:
            # The longer the history, the older the entry: one refusal follows the other within one fetch.
            entry = Entry(stamp_us - refused_ms // DAY_MS, Kind.VALUE, b"%d" % refused_ms)
            try:
                self.cache.store.run(*self.cache.put([Write(self._key(series), entry, PARTIAL_KEEP_US)]))
            except StoreDown as error:
                self.passed_over.note(error)

    def _key(self, series: Series) -> str:
        return self.cache.key(keys.MARKET_SLOT, keys.plan_history(series.timespan))
