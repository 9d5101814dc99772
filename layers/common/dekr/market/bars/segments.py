"""Where bars are cut for keeping: canonical segments of the time axis, the same for every query.

Bars of past segments do not change, so a segment once fetched serves every range inside it. A segment holds some
hundred bars: a day of second or minute bars, a week of coarser minutes, a month of hours, a year of days, five years of
weeks, ten of anything longer. Boundaries are midnights of Eastern time, where bar windows start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from dekr import sessions
from dekr.sessions import Session

HISTORY_START: Final = date(2003, 9, 10)
"""The first day of the upstream's stock history."""

COARSE_MINUTES: Final = 10
"""From this multiplier on, minute bars are kept by the week."""

WEEKS_IN_SEGMENT: Final = 260
_FIRST_SUNDAY: Final = date(2003, 9, 7)


class Timespan(StrEnum):
    """The unit of a bar's window; the multiplier says how many of them."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def intraday(self) -> bool:
        """Whether windows are shorter than a day."""
        return self in (Timespan.SECOND, Timespan.MINUTE, Timespan.HOUR)


UNIT_MS: Final = {Timespan.SECOND: 1_000, Timespan.MINUTE: 60_000, Timespan.HOUR: 3_600_000}
"""Milliseconds of the units that are shorter than a day."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of bars of a ticker, adjusted for splits or not."""

    ticker: str
    multiplier: int
    timespan: Timespan
    adjusted: bool

    @property
    def datum(self) -> str:
        """The series' name in keys and leases."""
        return f"bars:{self.multiplier}:{self.timespan}:{'adj' if self.adjusted else 'raw'}"

    def segment_at(self, day: date) -> "Segment":
        """The segment that holds the bars whose window starts on this day (Eastern)."""
        if self.timespan is Timespan.SECOND or (self.timespan is Timespan.MINUTE and self.multiplier < COARSE_MINUTES):
            return Segment(day, day + timedelta(days=1))
        if self.timespan is Timespan.MINUTE:
            first = day - timedelta(days=(day.weekday() + 1) % 7)
            return Segment(first, first + timedelta(days=7))
        if self.timespan is Timespan.HOUR:
            first = day.replace(day=1)
            return Segment(first, (first + timedelta(days=32)).replace(day=1))
        if self.timespan is Timespan.DAY:
            return Segment(date(day.year, 1, 1), date(day.year + 1, 1, 1))
        if self.timespan is Timespan.WEEK:
            step = timedelta(weeks=WEEKS_IN_SEGMENT)
            first = _FIRST_SUNDAY + (day - _FIRST_SUNDAY) // step * step
            return Segment(first, first + step)
        decade = day.year // 10 * 10
        return Segment(date(decade, 1, 1), date(decade + 10, 1, 1))

    def segments_back(self, last: date, first: date) -> Iterator["Segment"]:
        """The segments from the one that holds ``last`` back to the one that holds ``first``, without those that hold no
        trading day.
        """
        while last >= first:
            segment = self.segment_at(last)
            if not segment.empty():
                yield segment
            last = segment.first - timedelta(days=1)

    def segments_on(self, first: date, last: date) -> Iterator["Segment"]:
        """The same from the one that holds ``first`` on to the one that holds ``last``."""
        while first <= last:
            segment = self.segment_at(first)
            if not segment.empty():
                yield segment
            first = segment.end

    def expected_bars(self, segment: "Segment", upto: date) -> int:
        """How many bars a ticker that trades all day has in the segment up to a day, carefully estimated."""
        days = _trading_days(segment.first, min(segment.end - timedelta(days=1), upto))
        match self.timespan:
            case Timespan.SECOND:
                bars = days * 10_000
            case Timespan.MINUTE:
                bars = days * 390
            case Timespan.HOUR:
                bars = days * 7
            case Timespan.DAY:
                bars = days
            case Timespan.WEEK:
                bars = days // 5
            case Timespan.MONTH:
                bars = days // 22
            case Timespan.QUARTER:
                bars = days // 66
            case Timespan.YEAR:
                bars = days // 252
        return max(bars // self.multiplier, min(days, 1))

    def window_start_ms(self, ms: int) -> int:
        """The earliest start of a window that holds this moment: Polygon stretches a range to whole windows."""
        day = sessions.eastern_date(ms * 1000)
        midnight_ms = sessions.eastern_midnight_us(day) // 1000
        if self.timespan.intraday:
            step = self.multiplier * UNIT_MS[self.timespan]
            return midnight_ms + (ms - midnight_ms) // step * step
        back = self.multiplier - 1
        match self.timespan:
            case Timespan.WEEK:
                day -= timedelta(days=(day.weekday() + 1) % 7, weeks=back)
            case Timespan.MONTH | Timespan.QUARTER | Timespan.YEAR:
                months = {Timespan.MONTH: 1, Timespan.QUARTER: 3, Timespan.YEAR: 12}[self.timespan]
                first = (day.year * 12 + day.month - 1) // months * months - back * months
                day = date(max(1970, first // 12), first % 12 + 1, 1)
            case _:
                day -= timedelta(days=back)
        return sessions.eastern_midnight_us(day) // 1000

    def window_end(self, day: date) -> date:
        """The day after the last one of the window of one unit that holds ``day``."""
        match self.timespan:
            case Timespan.WEEK:
                return day + timedelta(days=7 - (day.weekday() + 1) % 7)
            case Timespan.MONTH:
                return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            case Timespan.QUARTER:
                month = (day.month - 1) // 3 * 3 + 1
                return (day.replace(month=month, day=1) + timedelta(days=95)).replace(day=1)
            case Timespan.YEAR:
                return date(day.year + 1, 1, 1)
            case _:
                return day + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Segment:
    """The bars whose window starts at or after midnight of ``first`` and before midnight of ``end`` (Eastern)."""

    first: date
    end: date

    @property
    def name(self) -> str:
        """The segment's name in keys."""
        return self.first.isoformat()

    @property
    def start_ms(self) -> int:
        """The first moment, in milliseconds."""
        return sessions.eastern_midnight_us(self.first) // 1000

    @property
    def end_ms(self) -> int:
        """The first moment after it, in milliseconds."""
        return sessions.eastern_midnight_us(self.end) // 1000

    def empty(self) -> bool:
        """Whether it holds no trading day (a weekend or holiday alone)."""
        return (self.end - self.first).days == 1 and _trading_days(self.first, self.first) == 0


def last_trade_us(before_us: int) -> int:
    """The end of trading before a moment: that moment itself, or the last close where the market is closed just before
    it.
    """
    moment = sessions.at(before_us - 1)
    return moment.since_us if moment.known and moment.session is Session.CLOSED else before_us


def _trading_days(first: date, last: date) -> int:
    """Trading days from ``first`` to ``last``; past the calendar's ends every weekday counts as one."""
    try:
        return len(sessions.trading_days(first, last))
    except sessions.CalendarUnknown:
        days = (first + timedelta(days=i) for i in range((last - first).days + 1))
        return sum(day.weekday() < 5 for day in days)  # noqa: PLR2004 - Saturday is 5
