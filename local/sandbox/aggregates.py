"""Windows of bars: which minutes or days make up a bar of so many units, and the pages of an answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from dekr import sessions
from local.sandbox import market
from local.sandbox.market import Bar, merged

INTRADAY = {"second": 1, "minute": 60, "hour": 3600}
TIMESPANS = (*INTRADAY, "day", "week", "month", "quarter", "year")
_SUNDAY = date(1970, 1, 4)


@dataclass(frozen=True, slots=True)
class Window:
    """Windows of ``multiplier`` units of ``timespan``, aligned independently of what is asked."""

    multiplier: int
    timespan: str

    @property
    def intraday(self) -> bool:
        """Whether it is made of minutes."""
        return self.timespan in INTRADAY

    def start_ms(self, bar: Bar) -> int:
        """The start of the window that holds a base bar."""
        day = sessions.eastern_date(bar.t * 1000)
        if self.intraday:
            midnight = sessions.eastern_midnight_us(day) // 1000
            step = INTRADAY[self.timespan] * self.multiplier * 1000
            return midnight + (bar.t - midnight) // step * step
        return sessions.eastern_midnight_us(self._first_day(day)) // 1000

    def _first_day(self, day: date) -> date:
        number = self.multiplier
        if self.timespan == "day":
            return date.fromordinal(day.toordinal() // number * number) if number > 1 else day
        if self.timespan == "week":
            weeks = (day - _SUNDAY).days // 7 // number * number
            return _SUNDAY + timedelta(weeks=weeks)
        months = number * {"month": 1, "quarter": 3, "year": 12}[self.timespan]
        first = (day.year * 12 + day.month - 1) // months * months
        return date(first // 12, first % 12 + 1, 1)


def base_bars(
    seed: int, ticker: str, window: Window, first_ms: int, last_ms: int, now_us: int, *, newest_first: bool
) -> Iterator[Bar]:
    """The minute or day bars whose window touches the range, in the order asked for."""
    oldest = sessions.eastern_date(now_us).replace(day=1)
    oldest = oldest.replace(year=oldest.year - market.HISTORY_YEARS)
    first = max(sessions.eastern_date(max(0, first_ms) * 1000), oldest) - timedelta(days=0 if window.intraday else 370)
    last = sessions.eastern_date(min(last_ms * 1000, now_us))
    reach = timedelta(days=0 if window.intraday else 370)
    last = min(last + reach, sessions.eastern_date(now_us))
    first = max(first, oldest)
    step = -1 if newest_first else 1
    day = last if newest_first else first
    while first <= day <= last:
        if window.intraday:
            bars = market.minutes_until(seed, ticker, day, now_us)
            yield from bars[::step]
        else:
            bar = market.day_until(seed, ticker, day, now_us)
            if bar is not None:
                yield bar
        day += timedelta(days=step)


def page(
    seed: int,
    ticker: str,
    window: Window,
    first_ms: int,
    last_ms: int,
    now_us: int,
    limit: int,
    *,
    newest_first: bool,
) -> tuple[list[Bar], int, int | None]:
    """The bars made of the first ``limit`` base bars, how many base bars those were, and where the next page begins."""
    bars: list[Bar] = []
    group: list[Bar] = []
    start = used = 0
    first_start, last_start = first_ms, last_ms
    for base in base_bars(seed, ticker, window, first_ms, last_ms, now_us, newest_first=newest_first):
        begins = window.start_ms(base)
        if begins > last_start or (begins < first_start and not _touches(window, base, begins, first_start)):
            continue
        if group and begins != start:
            bars.append(merged(start, group[::-1] if newest_first else group))
            group = []
            if used >= limit:
                return bars, used, begins
        start = begins
        group.append(base)
        used += 1
    if group:
        bars.append(merged(start, group[::-1] if newest_first else group))
    return bars, used, None


def _touches(window: Window, base: Bar, begins: int, first_ms: int) -> bool:
    """Whether a window that begins before the range reaches into it: ranges are stretched to whole windows."""
    del begins
    if window.intraday:
        return False
    return base.t >= first_ms
