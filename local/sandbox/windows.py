"""Bars of any length: the windows into which minutes or days are merged, and which windows a range touches.

Windows lie at fixed places, whatever range is requested: windows of seconds, minutes and hours are counted from each
day's Eastern midnight, longer ones from a fixed day. A range is extended to whole windows, as the vendor does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Final, NamedTuple

from dekr import sessions
from local.sandbox import always_on, market
from local.sandbox.span import Span, merged
from local.sandbox.universe import LISTED_SINCE, profile

SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
TIMESPANS: Final = (*SECONDS, "day", "week", *MONTHS)
MAX_MULTIPLIER: Final = 100_000
"""The largest multiplier of a timespan."""


_FIRST_DAY: Final = date(1970, 1, 1)
_FIRST_SUNDAY: Final = date(1970, 1, 4)


class Bar(NamedTuple):
    """A bar: the start of its window in milliseconds, its trading, and the number of base bars that it is made of."""

    start_ms: int
    span: Span
    base: int


@dataclass(frozen=True, slots=True)
class Series:
    """All bars of one ticker and one length (``multiplier`` times ``timespan``), as seen at ``now_us``.

    ``adjusted``: whether prices and volumes are adjusted for splits up to that moment.
    """

    seed: int
    ticker: str
    multiplier: int
    timespan: str
    adjusted: bool
    now_us: int

    def bars(self, first_ms: int, last_ms: int, *, newest_first: bool) -> Iterator[Bar]:
        """Yield the bars whose windows touch the range (both ends in milliseconds, inclusive), in order of time or
        newest first.
        """
        last_ms = min(last_ms, self.now_us // 1000)
        first = max(LISTED_SINCE, sessions.eastern_date(max(0, first_ms) * 1000))
        last = sessions.eastern_date(last_ms * 1000)
        if last_ms < first_ms or last < LISTED_SINCE:
            return
        if self.timespan in SECONDS:
            yield from self._intraday(first, last, first_ms, last_ms, newest_first=newest_first)
        else:
            yield from self._daily(self._window(first), self._window(last), newest_first=newest_first)

    def _intraday(self, first: date, last: date, first_ms: int, last_ms: int, *, newest_first: bool) -> Iterator[Bar]:
        step_ms = self.multiplier * SECONDS[self.timespan] * 1_000
        for day in _days(first, last, newest_first=newest_first):
            ratio = self._ratio(day)
            for start_ms, span in self._windows(day, step_ms)[:: -1 if newest_first else 1]:
                if first_ms < start_ms + step_ms and start_ms <= last_ms:
                    yield Bar(start_ms, span.scaled(ratio), span.slots)

    def _windows(self, day: date, step_ms: int) -> list[tuple[int, Span]]:
        """Return a day's windows of this length with trades, each as its start in milliseconds and its trading."""
        if self.ticker == always_on.TICKER:
            windows = always_on.windows(day, step_ms * 1_000, self.now_us)
            return [(start_us // 1_000, self._in_base_bars(span)) for start_us, span in windows]
        unit_ms, read = (1_000, market.seconds) if self.timespan == "second" else (60_000, market.minutes)
        midnight_ms = sessions.eastern_midnight_us(day) // 1000
        found = read(self.seed, self.ticker, day, step_ms // unit_ms, self.now_us)
        return [(midnight_ms + number * unit_ms, span) for number, span in found]

    def _in_base_bars(self, span: Span) -> Span:
        """Return a span of seconds that counts the base bars of this timespan, seconds or minutes."""
        return span if self.timespan == "second" else span._replace(slots=-(-span.slots // 60))

    def _day_span(self, day: date) -> Span | None:
        if self.ticker == always_on.TICKER:
            return always_on.day_span(day, self.now_us)
        return market.day_span(self.seed, self.ticker, day, self.now_us)

    def _daily(self, first: date, last: date, *, newest_first: bool) -> Iterator[Bar]:
        today = sessions.eastern_date(self.now_us)
        until = min(today, self._after(last) - timedelta(days=1))
        for window, days in groupby(_days(first, until, newest_first=newest_first), self._window):
            trading = ((day, self._day_span(day)) for day in days)
            spans = [span.scaled(self._ratio(day)) for day, span in trading if span is not None]
            if spans:
                whole = merged(spans[::-1] if newest_first else spans)
                yield Bar(sessions.eastern_midnight_us(window) // 1000, whole, len(spans))

    def _ratio(self, day: date) -> int:
        if self.ticker == always_on.TICKER:
            return 1
        today = sessions.eastern_date(self.now_us)
        return profile(self.seed, self.ticker).ratio(day, today) if self.adjusted else 1

    def _window(self, day: date) -> date:
        """Return the first day of the window that a day lies in."""
        if self.timespan == "day":
            return day - timedelta(days=(day - _FIRST_DAY).days % self.multiplier)
        if self.timespan == "week":
            return day - timedelta(days=(day - _FIRST_SUNDAY).days % (7 * self.multiplier))
        months = (day.year - _FIRST_DAY.year) * 12 + day.month - 1
        return _month(months - months % (MONTHS[self.timespan] * self.multiplier))

    def _after(self, window: date) -> date:
        """Return the first day after the window that begins on ``window``."""
        if self.timespan in MONTHS:
            months = (window.year - _FIRST_DAY.year) * 12 + window.month - 1
            return _month(months + MONTHS[self.timespan] * self.multiplier)
        return window + timedelta(days=self.multiplier * (7 if self.timespan == "week" else 1))


def _month(months: int) -> date:
    """Return the first day of a month, given as its number since January 1970."""
    year, month = divmod(months, 12)
    return date(min(_FIRST_DAY.year + year, date.max.year), month + 1, 1)


def _days(first: date, last: date, *, newest_first: bool) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield last - timedelta(days=number) if newest_first else first + timedelta(days=number)
