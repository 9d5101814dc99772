"""A finished day's bar in a cached year of day bars."""

from datetime import date

import pytest

from dekr import sessions
from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import final_floor_us, settled_floor_us
from dekr.data_source import DataSource
from dekr.market.bars.finished_day_bars import FinishedDayBars
from dekr.market.bars.model import Page, Row, page_of
from dekr.polygon.latest import Latest

KEY = "dekr:{AAPL}:bars:1:day:adj:2026-01-01"
NONE: frozenset[str] = frozenset()


def day(text: str) -> sessions.TradingDay:
    found = sessions.trading_day(date.fromisoformat(text))
    assert found is not None
    return found


FRIDAY, MONDAY = day("2026-11-20"), day("2026-11-23")
EVENING_US = final_floor_us(FRIDAY.post_close_us) + 1
BAR = {"o": 1, "h": 2, "l": 1, "c": 2, "v": 90, "vw": 1.5, "n": 7}


def row(trading: sessions.TradingDay, volume: int, vwap: float | None = 1.5, count: int | None = 7) -> Row:
    return [sessions.eastern_midnight_us(trading.date) // 1000, 1, 2, 1, 2, volume, vwap, count]


def extended(stamp_us: int, year: Entry, **fields: float | None) -> Entry | None:
    sent = {name: value for name, value in {**BAR, **fields}.items() if value is not None}
    bars = {"AAPL": Latest(DataSource.PREVIOUS_CLOSE, sent, delayed=False)}
    write = FinishedDayBars.fetched(FRIDAY, bars, stamp_us, NONE).extend(KEY, year)
    return write.entry if write else None


def year(stamp_us: int, *rows: Row) -> Entry:
    return Entry(stamp_us, Kind.VALUE, Page(list(rows), delayed=False).payload())


def test_a_settled_bar_takes_the_place_of_the_evenings() -> None:
    old = year(EVENING_US, row(day("2026-11-19"), 50), row(FRIDAY, 99))
    found = extended(MONDAY.pre_open_us + 120_000_000, old)
    assert found is not None
    assert page_of(found).rows == [row(day("2026-11-19"), 50), row(FRIDAY, 90)]
    # As if it had been fetched as Monday began, when there was no bar of Monday yet.
    assert found.stamp_us == MONDAY.pre_open_us == settled_floor_us(FRIDAY.post_close_us) + 1


def test_what_is_settled_is_left_as_it_is() -> None:
    old = year(MONDAY.pre_open_us, row(FRIDAY, 91), row(MONDAY, 1))
    assert extended(MONDAY.pre_open_us + 120_000_000, old) is None


def test_a_year_whose_day_before_is_not_settled_is_left_to_its_reader() -> None:
    assert extended(EVENING_US, year(FRIDAY.pre_open_us - 1, row(day("2026-11-19"), 50))) is None
    assert extended(EVENING_US, year(FRIDAY.pre_open_us, row(day("2026-11-19"), 50))) is not None


@pytest.mark.parametrize("name", ["vw", "n"])
def test_a_bar_without_a_field_that_the_others_have_is_not_added(name: str) -> None:
    old = year(FRIDAY.pre_open_us, row(day("2026-11-19"), 50))
    assert extended(EVENING_US, old, **{name: None}) is None
    lacking = year(FRIDAY.pre_open_us, row(day("2026-11-19"), 50, None, None))
    assert extended(EVENING_US, lacking, **{name: None}) is not None
