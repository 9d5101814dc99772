"""Requests for bars to the upstream, within the history that the plan includes, and for whether it lists a ticker."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.gate.permit import Permit
from dekr.market.bars.segments import Series
from dekr.polygon.endpoints import TICKERS
from dekr.polygon.failures import NotEntitled
from dekr.times import DAY_MS

if TYPE_CHECKING:
    from dekr.polygon.client import Bars, PolygonClient

PLAN_HISTORY_YEARS: Final = (20, 15, 10, 5, 2)
"""Years of history that the upstream's plans include, longest first (https://massive.com/pricing)."""

YEAR_MS: Final = 365 * DAY_MS


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamBars:
    """Requests bars, and whether a ticker is listed. ``client`` makes the upstream client on the first miss: hits never load it."""

    client: "Callable[[], PolygonClient]"

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
        to each usual length of history in turn. Raises NotEntitled where the plan includes nothing of the range.
        """
        try:
            return self.request(series, first_ms, last_ms, permit), first_ms
        except NotEntitled:
            for years in PLAN_HISTORY_YEARS:
                begin_ms = permit.stamp_us // 1000 - years * YEAR_MS + DAY_MS
                if first_ms < begin_ms < last_ms:
                    with suppress(NotEntitled):
                        return self.request(series, begin_ms, last_ms, permit), begin_ms
            raise
