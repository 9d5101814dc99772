"""The moment at which `make run AT=...` puts a stack: named ones come from the trading calendar, others are read."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dekr import sessions
from dekr.sessions import Session
from local.stack.launcher import StackError
from local.stack.moments import NAMES, clock_offset_us, moment_text

DAYS = [datetime(2026, 11, 20, 7, tzinfo=UTC) + timedelta(hours=13 * number) for number in range(40)]
"""Hours of three weeks with a holiday (Thanksgiving, 26 November) and an early close the day after."""


def us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


def put(at: str, now: datetime) -> int:
    return us(now) + clock_offset_us(at, us(now))


@pytest.mark.parametrize("now", DAYS)
def test_the_market_is_as_the_name_says_whatever_the_hour(now: datetime) -> None:
    found = {at: sessions.at(put(at, now)) for at in NAMES}
    assert {at: moment.session for at, moment in found.items()} == {
        "open": Session.REGULAR,
        "preopen": Session.PRE,
        "close": Session.REGULAR,
        "split": Session.CLOSED,
    }
    assert found["preopen"].until_us - put("preopen", now) == 60_000_000
    assert found["close"].until_us - put("close", now) == 60_000_000
    day = sessions.eastern_date(put("open", now))
    assert day == sessions.eastern_date(put("preopen", now)) == sessions.eastern_date(put("close", now))
    assert timedelta() <= sessions.eastern_date(us(now)) - day <= timedelta(days=4)


def test_a_holiday_takes_the_day_before_and_an_early_close_is_kept() -> None:
    assert moment_text(0, put("close", datetime(2026, 11, 26, 18, tzinfo=UTC))) == "2026-11-25T20:59:00Z"
    assert moment_text(0, put("close", datetime(2026, 11, 28, 18, tzinfo=UTC))) == "2026-11-27T17:59:00Z"


def test_the_split_is_the_last_one_of_a_well_known_ticker() -> None:
    moment = put("split", datetime(2026, 11, 28, tzinfo=UTC))
    assert sessions.eastern_date(moment) == date(2024, 6, 9)
    assert sessions.eastern_date(moment + 60_000_000) == date(2024, 6, 10)


@pytest.mark.parametrize("at", ["2026-11-20T15:00:00Z", "2026-11-20T10:00:00-05:00", "2026-11-20T15:00:00.000+00:00"])
def test_a_moment_is_read_with_its_time_zone(at: str) -> None:
    now = datetime(2026, 11, 28, 18, tzinfo=UTC)
    assert moment_text(clock_offset_us(at, us(now)), us(now)) == "2026-11-20T15:00:00Z"


@pytest.mark.parametrize("at", [None, ""])
def test_usually_it_is_now(at: str | None) -> None:
    assert clock_offset_us(at, us(DAYS[0])) == 0


@pytest.mark.parametrize(
    "at",
    [
        "noon",
        "OPEN",
        "2026-11-20T15:00:00",
        "2026-11-20",
        "1999-01-01T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "-5",
        "open ",
    ],
)
def test_anything_else_is_one_sentence(at: str) -> None:
    with pytest.raises(StackError, match=r"^AT must be one of open, preopen, close, split, or [^\n]*\.$"):
        clock_offset_us(at, us(DAYS[0]))


def test_so_is_a_name_outside_the_calendar() -> None:
    with pytest.raises(StackError, match=r"^AT must be a moment such as [^\n]*\.$"):
        clock_offset_us("open", us(datetime(2031, 1, 1, tzinfo=UTC)))
