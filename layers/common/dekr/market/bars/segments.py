"""The canonical segments into which the time axis is cut, so that every query of a series reads the same cache entries.

Bars of past segments do not change, so a segment once fetched serves every range inside it. A segment holds some hundred
bars: a day of second or minute bars, a week of coarser minutes, a month of hours, a year of days, five years of weeks, ten
years of anything longer. Boundaries are midnights of Eastern time, where bar windows start.
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
"""Minute bars of this multiplier or a larger one are cached by the week, not by the day."""

WEEKS_PER_SEGMENT: Final = 260
"""Weekly bars are cached by five years."""

_FIRST_SUNDAY: Final = date(2003, 9, 7)


class Timespan(StrEnum):
    """The unit of a bar's window; a series has a multiplier that says how many of them a window spans."""

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
        """Whether the unit is shorter than a day."""
        return self in (Timespan.SECOND, Timespan.MINUTE, Timespan.HOUR)


UNIT_MS: Final = {Timespan.SECOND: 1_000, Timespan.MINUTE: 60_000, Timespan.HOUR: 3_600_000}
"""Length in milliseconds of each unit that is shorter than a day."""

_EXPECTED_BARS: Final = {
    Timespan.SECOND: (10_000, 1),
    Timespan.MINUTE: (390, 1),
    Timespan.HOUR: (7, 1),
    Timespan.DAY: (1, 1),
    Timespan.WEEK: (1, 5),
    Timespan.MONTH: (1, 22),
    Timespan.QUARTER: (1, 66),
    Timespan.YEAR: (1, 252),
}
"""A cautious estimate of the bars of one unit that a ticker that trades all day has, in so many trading days."""

_BASE_BARS: Final = {Timespan.HOUR: 60, Timespan.WEEK: 5, Timespan.MONTH: 23, Timespan.QUARTER: 66, Timespan.YEAR: 253}
"""The base bars of one unit, where it is not a base bar itself."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of bars of one ticker: windows of ``multiplier`` units, with prices and volumes adjusted for splits or not."""

    ticker: str
    multiplier: int
    timespan: Timespan
    adjusted: bool

    @property
    def name(self) -> str:
        """The name of the series in cache keys, leases and cursors, without the ticker: ``bars:5:minute:adj``."""
        return f"bars:{self.multiplier}:{self.timespan}:{'adj' if self.adjusted else 'raw'}"

    def segment_at(self, day: date) -> "Segment":
        """The segment that holds the bars whose window starts on a day (Eastern)."""
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
            step = timedelta(weeks=WEEKS_PER_SEGMENT)
            first = _FIRST_SUNDAY + (day - _FIRST_SUNDAY) // step * step
            return Segment(first, first + step)
        decade = day.year // 10 * 10
        return Segment(date(decade, 1, 1), date(decade + 10, 1, 1))

    def segments_newest_first(self, first: date, last: date) -> Iterator["Segment"]:
        """The segments that hold the days from ``first`` to ``last``, newest first, without those that have no trading day."""
        while last >= first:
            segment = self.segment_at(last)
            if segment.has_trading_day():
                yield segment
            last = segment.first - timedelta(days=1)

    def segments_oldest_first(self, first: date, last: date) -> Iterator["Segment"]:
        """The segments that hold the days from ``first`` to ``last``, oldest first, without those that have no trading day."""
        while first <= last:
            segment = self.segment_at(first)
            if segment.has_trading_day():
                yield segment
            first = segment.end

    def expected_bars(self, segment: "Segment", through: date) -> int:
        """A cautious estimate of how many bars a ticker that trades all day has in a segment, up to and including a day."""
        days = _trading_days(segment.first, min(segment.end - timedelta(days=1), through))
        bars, of_days = _EXPECTED_BARS[self.timespan]
        return max(days * bars // of_days // self.multiplier, min(days, 1))

    @property
    def bars_per_trading_day(self) -> float:
        """A cautious estimate of how many bars a ticker that trades all day has on a trading day."""
        bars, of_days = _EXPECTED_BARS[self.timespan]
        return bars / of_days / self.multiplier

    @property
    def base_bars(self) -> int:
        """The bars from which the upstream computes one bar, at most: seconds, minutes for minutes and hours, days for the rest."""
        return self.multiplier * _BASE_BARS.get(self.timespan, 1)

    def earliest_window_start_ms(self, ms: int) -> int:
        """The earliest moment (ms) at which a window that contains the moment ``ms`` can start.

        Polygon extends the start of a requested range to whole windows. Where windows span several units, their phase is not
        known, so the earliest of all possible starts is returned.
        """
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

    def unit_end(self, day: date) -> date:
        """The first day after the calendar unit (week from Sunday, month, quarter, year; else the day) that contains ``day``."""
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
    """The span of days from ``first`` up to, but not including, ``end``: it holds the bars whose window starts in it (Eastern)."""

    first: date
    end: date

    @property
    def name(self) -> str:
        """The name of the segment in cache keys: its first day (YYYY-MM-DD)."""
        return self.first.isoformat()

    @property
    def start_ms(self) -> int:
        """The first moment of the segment, in milliseconds since the epoch."""
        return sessions.eastern_midnight_us(self.first) // 1000

    @property
    def end_ms(self) -> int:
        """The first moment after the segment, in milliseconds since the epoch."""
        return sessions.eastern_midnight_us(self.end) // 1000

    def has_trading_day(self) -> bool:
        """Whether the segment has a trading day; only a segment of one day can have none (a weekend day or a holiday)."""
        return (self.end - self.first).days > 1 or _trading_days(self.first, self.first) > 0


def trading_end_us(end_us: int) -> int:
    """The moment up to which there was trading before ``end_us``, in microseconds since the epoch.

    That is ``end_us`` itself, or the close of the last session where the market is closed just before ``end_us``.
    """
    moment = sessions.at(end_us - 1)
    return moment.since_us if moment.known and moment.session is Session.CLOSED else end_us


def _trading_days(first: date, last: date) -> int:
    """The number of trading days from ``first`` to ``last``; outside the calendar every weekday counts as one."""
    try:
        return len(sessions.trading_days(first, last))
    except sessions.CalendarUnknown:
        days = (first + timedelta(days=i) for i in range((last - first).days + 1))
        return sum(day.weekday() < 5 for day in days)  # noqa: PLR2004 - Saturday is 5
