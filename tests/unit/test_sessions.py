from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import exchange_calendars
import pandas_market_calendars
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dekr.calendar_table import FIRST, LAST
from dekr.sessions import (
    CalendarUnknown,
    Moment,
    Session,
    at,
    eastern_date,
    eastern_midnight_us,
    trading_day,
    trading_days,
)
from local.calendar_table import TABLE, table

# The calendar libraries call what the newest pandas has deprecated; that is theirs to change.
CALENDAR_LIBRARIES = pytest.mark.filterwarnings("ignore::DeprecationWarning")
NEW_YORK = ZoneInfo("America/New_York")
# One library counts two minutes of silence at the open, or a failure of NYSE before the close, as the session's bound.
INTERRUPTED = {date(2003, 3, 20), date(2004, 6, 7), date(2005, 6, 1), date(2006, 12, 27)}
NEXT_SESSION = {
    Session.CLOSED: Session.PRE,
    Session.PRE: Session.REGULAR,
    Session.REGULAR: Session.POST,
    Session.POST: Session.CLOSED,
}


def us(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def eastern(day: date, hour: int, minute: int = 0) -> int:
    return us(datetime.combine(day, time(hour, minute), NEW_YORK))


WITHIN = st.integers(eastern(FIRST + timedelta(days=1), 9), eastern(LAST, 19, 59))
AROUND = st.integers(eastern(FIRST - timedelta(days=30), 0), eastern(LAST + timedelta(days=30), 0))


@CALENDAR_LIBRARIES
def test_every_day_is_as_both_calendar_libraries_have_it() -> None:
    dates = {"start": FIRST.isoformat(), "end": LAST.isoformat()}
    exchange = exchange_calendars.get_calendar("XNYS", **dates).schedule
    nyse = pandas_market_calendars.get_calendar("NYSE").schedule(FIRST, LAST, market_times="all")
    regular = {row.Index.date(): (us(row.open), us(row.close)) for row in exchange.itertuples()}
    whole = {
        row.Index.date(): (us(row.pre), us(row.market_open), us(row.market_close), us(row.post))
        for row in nyse.itertuples()
    }

    days = trading_days(FIRST, LAST)

    assert {day.date: (day.open_us, day.close_us) for day in days} == regular
    assert whole.keys() == regular.keys()
    ours = {day.date: (day.pre_open_us, day.open_us, day.close_us, day.post_close_us) for day in days}
    assert {day for day, bounds in ours.items() if bounds != whole[day]} == INTERRUPTED


@CALENDAR_LIBRARIES
def test_the_committed_table_is_what_the_generator_writes() -> None:
    assert TABLE.read_text() == table()


@pytest.mark.parametrize(
    ("hour", "minute", "session", "since", "until"),
    [
        (3, 59, Session.CLOSED, (19, 20, 0), (20, 4, 0)),
        (4, 0, Session.PRE, (20, 4, 0), (20, 9, 30)),
        (9, 30, Session.REGULAR, (20, 9, 30), (20, 16, 0)),
        (16, 0, Session.POST, (20, 16, 0), (20, 20, 0)),
        (20, 0, Session.CLOSED, (20, 20, 0), (23, 4, 0)),
    ],
)
def test_a_full_day(
    hour: int, minute: int, session: Session, since: tuple[int, int, int], until: tuple[int, int, int]
) -> None:
    # A Friday: the closed time after it lasts until Monday's pre-market.
    begins, ends = (eastern(date(2026, 11, day), h, m) for day, h, m in (since, until))

    assert at(eastern(date(2026, 11, 20), hour, minute)) == Moment(session, begins, ends)


def test_a_half_day_closes_at_13_and_is_over_at_17() -> None:
    day = date(2026, 11, 27)

    assert at(eastern(day, 12, 59)) == Moment(Session.REGULAR, eastern(day, 9, 30), eastern(day, 13))
    assert at(eastern(day, 13)) == Moment(Session.POST, eastern(day, 13), eastern(day, 17))
    assert at(eastern(day, 17)) == Moment(Session.CLOSED, eastern(day, 17), eastern(date(2026, 11, 30), 4))


def test_a_holiday_is_closed_from_the_last_session_to_the_next() -> None:
    thanksgiving = date(2026, 11, 26)
    closed = Moment(Session.CLOSED, eastern(date(2026, 11, 25), 20), eastern(date(2026, 11, 27), 4))

    assert trading_day(thanksgiving) is None
    assert at(eastern(thanksgiving, 12)) == closed


def test_sessions_follow_each_other_through_the_whole_table() -> None:
    moment = at(eastern(date(2003, 1, 2), 4))
    walked = []
    while moment.since_us < eastern(LAST, 20):
        walked.append(moment)
        moment = at(moment.until_us)

    days = trading_days(FIRST, LAST)
    assert [(m.session, m.since_us) for m in walked if m.session is not Session.CLOSED] == [
        bound
        for day in days
        for bound in (
            (Session.PRE, day.pre_open_us),
            (Session.REGULAR, day.open_us),
            (Session.POST, day.close_us),
        )
    ]
    assert all(after.session is NEXT_SESSION[before.session] for before, after in pairwise(walked))
    assert moment.since_us == days[-1].post_close_us
    assert not moment.known


@given(AROUND)
@example(eastern(LAST, 19, 59))
@example(eastern(LAST, 20))
@example(eastern(LAST + timedelta(days=1), 12))
@example(eastern(FIRST + timedelta(days=1), 4) - 1)
@example(eastern(FIRST + timedelta(days=1), 4))
def test_sessions_tile_time(now_us: int) -> None:
    moment = at(now_us)

    assert moment.since_us <= now_us < moment.until_us
    assert at(moment.until_us).since_us == moment.until_us
    assert at(moment.since_us - 1).until_us == moment.since_us
    assert at(moment.since_us) == at(moment.until_us - 1) == moment


@given(AROUND, st.integers(-86_400_000_000, 86_400_000_000))
@example(eastern(LAST, 19, 30), 3_600_000_000)
def test_the_answer_does_not_depend_on_earlier_calls(now_us: int, away_us: int) -> None:
    moment = at(now_us)
    at(now_us + away_us)

    assert at(now_us) == moment
    at(now_us + away_us)
    assert at(moment.until_us).since_us == moment.until_us


@given(WITHIN)
def test_inside_the_table_every_moment_is_known(now_us: int) -> None:
    assert at(now_us).known


OUTSIDE = st.integers(eastern(LAST, 20), eastern(date(2060, 1, 1), 0)) | st.integers(0, eastern(FIRST, 12))


@given(OUTSIDE)
@example(eastern(LAST, 20))
@example(eastern(date(2031, 7, 4), 12))
@example(eastern(FIRST, 12))
@example(0)
@example(eastern(date(2028, 1, 1), 0))
@example(eastern(date(2028, 1, 2), 23, 59))
@example(eastern(date(2028, 1, 3), 0))
def test_outside_the_table_nothing_is_known_but_that_weekends_are_closed(now_us: int) -> None:
    moment = at(now_us)
    local = datetime.fromtimestamp(now_us // 1_000_000, NEW_YORK)
    weekend = local.weekday() >= 5

    assert (moment.session, moment.known) == (Session.CLOSED if weekend else Session.REGULAR, False)
    assert moment.until_us - moment.since_us <= (49 if weekend else 25) * 3_600_000_000


def test_a_weekend_outside_the_table_lasts_from_its_first_midnight_to_its_last() -> None:
    closed = Moment(Session.CLOSED, eastern(date(2028, 1, 1), 0), eastern(date(2028, 1, 3), 0), known=False)

    assert at(eastern(date(2028, 1, 1), 0)) == at(eastern(date(2028, 1, 2), 23, 59)) == closed
    assert at(closed.until_us).session is Session.REGULAR


@pytest.mark.parametrize("day", [FIRST - timedelta(days=1), LAST + timedelta(days=1)])
def test_days_outside_the_table_are_refused(day: date) -> None:
    with pytest.raises(CalendarUnknown):
        trading_day(day)
    with pytest.raises(CalendarUnknown):
        trading_days(day, day)


def test_trading_days_leaves_out_weekends_and_holidays() -> None:
    days = trading_days(date(2026, 11, 25), date(2026, 11, 30))

    assert [day.date.day for day in days] == [25, 27, 30]


def test_trading_days_belong_to_their_caller() -> None:
    first, last = date(2026, 11, 25), date(2026, 11, 30)
    days = trading_days(first, last)
    kept = list(days)
    days.clear()

    assert trading_days(first, last) == kept


def test_midnight_is_new_yorks() -> None:
    days = [date(1990, 1, 1) + timedelta(days=i) for i in range(60 * 365)]

    assert [eastern_midnight_us(day) for day in days] == [eastern(day, 0) for day in days]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_the_date_is_new_yorks(moment: datetime) -> None:
    assert eastern_date(us(moment)) == moment.astimezone(NEW_YORK).date()


@pytest.mark.parametrize("year", range(2000, 2040))
def test_the_date_is_new_yorks_around_both_changes_of_the_clock(year: int) -> None:
    hours = (datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=i) for i in range(365 * 24))

    for moment in hours:
        assert eastern_date(us(moment)) == moment.astimezone(NEW_YORK).date()
