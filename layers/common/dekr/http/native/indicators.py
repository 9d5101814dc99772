"""The query of Dekr's indicator route, and its answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from dekr.cursors import Cursors
from dekr.http.edge.csv import line
from dekr.http.paging.bar_ranges import requested_page
from dekr.http.paging.range_page import RangePage
from dekr.http.paging.studies import MAX_VALUES, study_parameters, study_scope
from dekr.http.paging.time_filters import MILLISECONDS
from dekr.market.bars.segments import Series
from dekr.market.indicators.service import Computed, Indicators
from dekr.market.indicators.study import Point, Study
from dekr.market.read.context import ReadContext
from dekr.times import rfc3339_ms


@dataclass(frozen=True, slots=True)
class IndicatorQuery:
    """A query of /indicators: one page of a study's values, of the newest up to a limit or of a whole range."""

    series: Series
    study: Study
    page: RangePage

    @classmethod
    def parse(
        cls,
        cursors: Cursors,
        series: Series,
        study: Study,
        limit: int | None,
        first: str | None,
        last: str | None,
        cursor: str | None,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        now_ms: int,
    ) -> "IndicatorQuery":
        """The query that the route's parameters describe. Limit and range are not read where there is a cursor, which
        ``cursors`` opens.

        Raises InvalidInput, naming the parameter and its rule.
        """
        scope = study_scope(series, study)
        whole = RangePage.over(cursors, MILLISECONDS.whole, scope, MAX_VALUES, newest_first=newest_first)
        return cls(series, study, requested_page(whole, series, limit, first, last, cursor, now_ms))

    def computed(self, indicators: Indicators, context: ReadContext) -> Computed:
        """The values to make this query's page of. Raises UnknownSymbol."""
        read = self.page.chosen(indicators.oldest, indicators.newest)
        return read(context, self.series, self.study, self.page.range)

    def next_path(self, page: RangePage) -> str:
        """Path and query of another page of this query."""
        series, study = self.series, self.study
        parameters = {
            **study_parameters(series, study),
            "multiplier": series.multiplier,
            "sort": page.order,
            "cursor": page.cursor,
        }
        return f"/indicators/{series.ticker}/{study.indicator}?{urlencode(parameters)}"


def write_page(query: IndicatorQuery, points: Sequence[Point], *, csv: bool) -> tuple[str, str | None]:
    """The page as JSON (``dekr.models.indicators.IndicatorValue``, ``dekr.models.indicators.MacdValue``) or CSV, and path
    and query of the next page. ``points``: what ``IndicatorQuery.computed`` returned.
    """
    shown, rest = query.page.cut(points)
    next_path = query.next_path(rest) if rest else None
    columns = ("symbol", "timestamp", *query.study.formula.fields)
    ticker = query.series.ticker
    rows: list[tuple[Any, ...]] = [(ticker, rfc3339_ms(start_ms), *values) for start_ms, *values in shown]
    if csv:
        return "".join([line(columns), *map(line, rows)]), next_path
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], separators=(",", ":")), next_path
