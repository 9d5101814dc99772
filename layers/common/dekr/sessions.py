"""US equity sessions: whether a moment lies in the pre-market, the regular session, after hours, or while the market is closed.

Pure arithmetic over the checked-in table of closures and early closes. Schedules are a table, each with the day from which it
holds, because trading around the clock is coming. Outside the table the service does not guess: every moment of a weekday counts as
a part of the regular session, weekends are closed as ever, and all of it is marked as not known.

Eastern time is computed, because Lambda's images promise no time zone database. Daylight time lasts from 02:00 on the
second Sunday of March to 02:00 on the first Sunday of November (Energy Policy Act of 2005, in force since 2007);
before, from the first Sunday of April to the last of October (in force since 1987).
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from dekr.calendar_table import CLOSED, EARLY, FIRST, LAST

_MINUTE_US: Final = 60_000_000
_HOUR_US: Final = 60 * _MINUTE_US
_DAY_US: Final = 24 * _HOUR_US
_EPOCH: Final = date(1970, 1, 1)
_SATURDAY: Final = 5
_SUNDAY: Final = 6
_LONGER_DAYLIGHT: Final = 2007


class Session(StrEnum):
    """The four states of the market."""

    PRE = "pre"
    REGULAR = "regular"
    POST = "post"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The bounds of a day's sessions, in minutes after midnight (Eastern).

    ``early_close`` and ``early_post`` stand for ``close`` and ``post`` on a day that ends early.
    """

    pre: int
    open: int
    close: int
    post: int
    early_close: int
    early_post: int


SCHEDULES: Final = ((FIRST, Schedule(4 * 60, 9 * 60 + 30, 16 * 60, 20 * 60, 13 * 60, 17 * 60)),)
"""The schedules and the first day of each, oldest first."""


class CalendarUnknown(LookupError):
    """Raised for a day outside the table of the calendar."""


@dataclass(frozen=True, slots=True)
class TradingDay:
    """The bounds of a trading day's sessions, in microseconds since the epoch."""

    date: date
    pre_open_us: int
    open_us: int
    close_us: int
    post_close_us: int


@dataclass(frozen=True, slots=True)
class Moment:
    """The session of a moment. It lasts from ``since_us`` up to (not including) ``until_us``, in microseconds since the epoch.

    While CLOSED, ``since_us`` is the end of the last session and ``until_us`` the start of the next one. ``known`` is
    False outside the table: then the session is REGULAR on a weekday and the bounds are those of the day in New York; a weekend is
    CLOSED from its first midnight to its last.
    """

    session: Session
    since_us: int
    until_us: int
    known: bool = True


def at(now_us: int) -> Moment:
    """The session in which this moment lies, with its bounds."""
    latest, former = _recent[0]
    if latest.since_us <= now_us < latest.until_us:
        return latest
    if former.since_us <= now_us < former.until_us:
        return former
    moment = _at(now_us)
    _recent[0] = (moment, latest)
    return moment


@lru_cache(maxsize=16_384)
def trading_day(day: date) -> TradingDay | None:
    """The sessions of a day; None where the market is closed all day. Raises CalendarUnknown outside the table."""
    if not FIRST <= day <= LAST:
        raise CalendarUnknown(f"the trading calendar covers {FIRST} to {LAST}")
    if day.weekday() >= _SATURDAY or day in CLOSED:
        return None
    schedule = SCHEDULES[bisect_right(SCHEDULES, day, key=lambda entry: entry[0]) - 1][1]
    close, post = (schedule.early_close, schedule.early_post) if day in EARLY else (schedule.close, schedule.post)
    # Clocks change on Sundays, so a trading day has one offset from its midnight to its end.
    midnight = eastern_midnight_us(day)
    pre_open, opening, closing, end = (
        midnight + minutes * _MINUTE_US for minutes in (schedule.pre, schedule.open, close, post)
    )
    return TradingDay(day, pre_open, opening, closing, end)


def trading_days(first: date, last: date) -> list[TradingDay]:
    """The trading days from ``first`` to ``last``, both included. Raises CalendarUnknown outside the table."""
    return list(_trading_days(first, last))


def eastern_date(us: int) -> date:
    """The date in New York at this moment (microseconds since the epoch)."""
    return _EPOCH + timedelta(days=(us + _offset_us(us)) // _DAY_US)


@lru_cache(maxsize=4096)
def eastern_midnight_us(day: date) -> int:
    """The moment (microseconds since the epoch) at which the day begins in New York."""
    midnight = (day - _EPOCH).days * _DAY_US
    # Clocks change at 02:00, so the hour before 05:00 UTC has the same offset as Eastern midnight.
    return midnight - _offset_us(midnight + 4 * _HOUR_US)


def previous_close_us(now_us: int) -> int | None:
    """The moment at which the regular session of the previous trading day closed; None where the calendar does not know it."""
    try:
        day = trading_day(previous_trading_day(now_us))
    except CalendarUnknown:
        return None
    return day.close_us if day else None


def previous_trading_day(now_us: int) -> date:
    """The last trading day before the present day in New York, whether or not that is one itself. Where the calendar does not
    know, the last weekday.
    """
    day = eastern_date(now_us) - timedelta(days=1)
    while not _is_trading_day(day):
        day -= timedelta(days=1)
    return day


def _at(now_us: int) -> Moment:
    if not _KNOWN_FROM_US <= now_us < _KNOWN_UNTIL_US:
        return _unknown(now_us)
    day = eastern_date(now_us)
    today = trading_day(day)
    if today is None or now_us < today.pre_open_us:
        following = today or _next_to(day, 1)
        return Moment(Session.CLOSED, _next_to(day, -1).post_close_us, following.pre_open_us)
    if now_us >= today.post_close_us:
        return Moment(Session.CLOSED, today.post_close_us, _next_to(day, 1).pre_open_us)
    if now_us < today.open_us:
        return Moment(Session.PRE, today.pre_open_us, today.open_us)
    if now_us < today.close_us:
        return Moment(Session.REGULAR, today.open_us, today.close_us)
    return Moment(Session.POST, today.close_us, today.post_close_us)


def _is_trading_day(day: date) -> bool:
    try:
        return trading_day(day) is not None
    except CalendarUnknown:
        return day.weekday() < _SATURDAY


@lru_cache(maxsize=1024)
def _trading_days(first: date, last: date) -> tuple[TradingDay, ...]:
    days = (trading_day(first + timedelta(days=i)) for i in range((last - first).days + 1))
    return tuple(day for day in days if day is not None)


def _unknown(now_us: int) -> Moment:
    day = eastern_date(now_us)
    into_weekend = day.weekday() - _SATURDAY
    session, first, days = (Session.REGULAR, day, 1)
    if into_weekend >= 0:
        session, first, days = (Session.CLOSED, day - timedelta(days=into_weekend), 2)
    since, until = eastern_midnight_us(first), eastern_midnight_us(first + timedelta(days=days))
    # The table begins and ends within a day: its own sessions are no part of what is unknown.
    if now_us < _KNOWN_FROM_US:
        until = min(until, _KNOWN_FROM_US)
    else:
        since = max(since, _KNOWN_UNTIL_US)
    return Moment(session, since, until, known=False)


def _next_to(day: date, step: int) -> TradingDay:
    """The closest trading day after (step 1) or before (step -1) a day."""
    while True:
        day += timedelta(days=step)
        found = trading_day(day)
        if found is not None:
            return found


def _offset_us(us: int) -> int:
    """Eastern time less UTC at this moment: -4 or -5 hours."""
    begins, ends = _daylight_us((_EPOCH + timedelta(days=us // _DAY_US)).year)
    return -4 * _HOUR_US if begins <= us < ends else -5 * _HOUR_US


@lru_cache(maxsize=256)
def _daylight_us(year: int) -> tuple[int, int]:
    """When daylight time begins (02:00 standard time) and ends (02:00 daylight time) in a year."""
    if year >= _LONGER_DAYLIGHT:
        begins, ends = _sunday_from(date(year, 3, 8)), _sunday_from(date(year, 11, 1))
    else:
        begins, ends = _sunday_from(date(year, 4, 1)), _sunday_from(date(year, 10, 25))
    return (begins - _EPOCH).days * _DAY_US + 7 * _HOUR_US, (ends - _EPOCH).days * _DAY_US + 6 * _HOUR_US


def _sunday_from(day: date) -> date:
    return day + timedelta(days=_SUNDAY - day.weekday())


_KNOWN_FROM_US: Final = _next_to(FIRST - timedelta(days=1), 1).pre_open_us
_KNOWN_UNTIL_US: Final = _next_to(LAST + timedelta(days=1), -1).post_close_us

_recent: Final = [(Moment(Session.CLOSED, 0, 0), Moment(Session.CLOSED, 0, 0))]
"""The last two results of ``at``: nearly every call is for the present session or the one that follows it."""
