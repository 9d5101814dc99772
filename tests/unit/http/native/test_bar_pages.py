"""The text of bars is what a plain JSON encoder, or a writer of CSV, makes of them: every digit is the upstream's own."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dekr.http.edge.csv import table
from dekr.http.native.bars import COLUMNS, BarQuery, write_page
from dekr.http.paging.bar_ranges import page_size
from dekr.http.paging.range_page import RangePage
from dekr.market.bars.model import Row
from dekr.market.bars.segments import Series, Timespan
from dekr.times import rfc3339_ms
from tests.world import CURSORS

NOW_MS = 1_795_186_800_000
NUMBER = st.integers(0, 10**25) | st.floats(0, allow_infinity=False, allow_nan=False)
BAR = st.tuples(
    st.integers(0, 253_402_300_799_000), *[NUMBER] * 5, st.none() | NUMBER, st.none() | st.integers(0, 10**12)
).map(list)
ODD: list[Row] = [
    [0, 1, 2, 1, 2, 0, None, None],
    [1_795_163_400_000, 226.0, 226.12000000000001, 0.1, 1e-07, 4.6e16, 226.1, 0],
    [1_795_163_400_001, 1e22, 5e-324, 1.7976931348623157e308, 10**25, 0.0, 0, 10**12],
]


def limited(ticker: str, *, newest_first: bool = False, limit: int = 50_000) -> BarQuery:
    series = Series(ticker, 1, Timespan.DAY, adjusted=True)
    return BarQuery(series, RangePage(CURSORS, ticker, 0, NOW_MS, newest_first, limit, left=limit))


def named(ticker: str, rows: list[Row]) -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, (ticker, rfc3339_ms(start_ms), *numbers), strict=True)) for start_ms, *numbers in rows]


@given(st.lists(BAR, max_size=5))
@example(ODD)
def test_json_is_as_an_encoder_writes_it(rows: list[Row]) -> None:
    text, next_path = write_page(limited("BRK.B"), rows, csv=False)
    assert text == json.dumps(named("BRK.B", rows), separators=(",", ":"))
    assert next_path is None


@given(st.lists(BAR, max_size=5))
@example(ODD)
def test_csv_is_as_any_table(rows: list[Row]) -> None:
    assert write_page(limited("BRK.B"), rows, csv=True) == (table(COLUMNS, named("BRK.B", rows)), None)


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_page_holds_what_fits_and_names_the_rest(*, csv: bool, newest_first: bool) -> None:
    rows: list[Row] = [[day * 86_400_000, 1.5, 2, 1, 1.75, 1_000 * day, None, day] for day in range(100, 110)]
    ordered = rows[::-1] if newest_first else rows
    query = limited("AAPL", newest_first=newest_first)
    cuts = []
    for room in range(10, 2_000, 20):
        text, next_path = write_page(query, rows, csv=csv, room=room)
        bars = text.count("\r\n") - 1 if csv else len(json.loads(text))
        assert len(text) <= room or not bars
        assert text == write_page(query, sorted(ordered[:bars]), csv=csv)[0]
        assert (next_path is None) == (bars == len(rows))
        cuts.append(bars)
    assert cuts == sorted(cuts)
    assert set(cuts) == set(range(len(rows) + 1))


@pytest.mark.parametrize(
    ("multiplier", "timespan", "bars"),
    [(1, "day", 50_000), (1, "minute", 50_000), (15, "minute", 19_000), (1, "hour", 5_000), (1440, "second", 80)],
)
def test_a_page_of_a_whole_range_takes_about_fifteen_calls_at_most(multiplier: int, timespan: str, bars: int) -> None:
    size = page_size(Series("AAPL", multiplier, Timespan(timespan), adjusted=True))
    assert bars <= size <= 1.1 * bars


def test_a_whole_range_is_cut_at_the_rows_of_a_page() -> None:
    series = Series("AAPL", 1, Timespan.HOUR, adjusted=True)
    query = BarQuery.parse(CURSORS, series, None, "2010-01-01", None, None, newest_first=False, now_ms=NOW_MS)
    size = page_size(series)
    rows: list[Row] = [[NOW_MS + hour, 1, 1, 1, 1, 1, None, None] for hour in range(size + 1)]
    text, next_path = write_page(query, rows, csv=False)
    assert len(json.loads(text)) == size
    assert next_path is not None
    cursor = next_path.rpartition("cursor=")[2]
    rest = BarQuery.parse(CURSORS, series, None, None, None, cursor, newest_first=False, now_ms=NOW_MS)
    assert rest.page.first_ms == NOW_MS + size
    assert write_page(query, rows[:size], csv=False) == (text, None)
