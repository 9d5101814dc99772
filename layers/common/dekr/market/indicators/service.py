"""The indicator service: technical indicators of a series, computed from its cached bars."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from dekr.market.bars.model import Range, Row, start_ms
from dekr.market.bars.segments import Series
from dekr.market.bars.service import Bars
from dekr.market.indicators.study import Point, Study
from dekr.market.read.context import ReadContext


@dataclass(frozen=True, slots=True)
class Computed:
    """The values of an indicator, oldest first, and the bars that were read for them: those up to the last value's were used."""

    points: Sequence[Point]
    rows: list[Row]


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """The indicator service.

    Each value equals that of the full history: as many bars before it are read as it depends on. Where the history is shorter,
    it is computed from the first bar.
    """

    bars: Bars

    def newest(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> Computed:
        """The newest values of a range, at most as many as its limit. Raises what Bars.newest raises."""
        rows = self._newest_rows(context, series, study, wanted)
        since = bisect_left(rows, wanted.first_ms, key=start_ms)
        return Computed(study.points(rows, max(since, len(rows) - wanted.limit)), rows)

    def oldest(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> Computed:
        """The oldest values of a range, at most as many as its limit. Raises what Bars.oldest raises."""
        # Where the history begins inside the range, its first bars have no value, so more bars are needed than values.
        page = self.bars.oldest(context, series, Range(wanted.first_ms, wanted.last_ms, wanted.limit + study.lookback))
        rows = self._with_history(context, series, study, page)
        since = bisect_left(rows, wanted.first_ms, key=start_ms)
        return Computed(study.points(rows, since)[: wanted.limit], rows)

    def _newest_rows(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> list[Row]:
        if wanted.first_ms == 0:
            return self.bars.newest(context, series, Range(0, wanted.last_ms, wanted.limit + study.history_bars))
        # How many bars are in the range is not known before they are read, so the bars before them take a second read.
        return self._with_history(context, series, study, self.bars.newest(context, series, wanted))

    def _with_history(self, context: ReadContext, series: Series, study: Study, page: Sequence[Row]) -> list[Row]:
        """The page's bars and those before them that its values depend on, in one read, so that all are of one scale."""
        if not page:
            return []
        return self.bars.newest(context, series, Range(0, page[-1][0], len(page) + study.history_bars))
