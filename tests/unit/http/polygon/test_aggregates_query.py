"""A query of Polygon's aggregates and the address of its next page."""

from urllib.parse import parse_qs, urlsplit

from dekr.http.polygon.bars import AggregatesQuery
from dekr.market.bars.segments import Series, Timespan
from tests.world import CURSORS

NOW_MS = 1_795_186_800_000


def test_the_next_page_has_the_limit_of_the_request_where_the_page_does_not_reach_it() -> None:
    series = Series("AAPL", 1, Timespan.HOUR, adjusted=True)
    query = AggregatesQuery.parse(CURSORS, series, "2010-01-01", "2026-11-20", True, 50_000, None, NOW_MS)
    assert query.page.size < 50_000
    parameters = parse_qs(urlsplit(query._next_path(query.page)).query)
    assert {name: parameters[name] for name in ("limit", "sort", "adjusted")} == {
        "limit": ["50000"],
        "sort": ["desc"],
        "adjusted": ["true"],
    }
