"""The trading days of the simulated market. Beyond the ends of the calendar every weekday is a trading day of full length."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from dekr import sessions
from dekr.sessions import TradingDay

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
_SATURDAY: Final = 5
_FULL_DAY: Final = (4 * 60, 9 * 60 + 30, 16 * 60, 20 * 60)
"""Pre-market open, open, close and end of after-hours trading of a full day, in minutes after Eastern midnight."""


@lru_cache(maxsize=16_384)
def trading_day(day: date) -> TradingDay | None:
    """Return the session times of a day, or None if there is no trading."""
    try:
        return sessions.trading_day(day)
    except sessions.CalendarUnknown:
        if day.weekday() >= _SATURDAY:
            return None
        midnight = sessions.eastern_midnight_us(day)
        return TradingDay(day, *(midnight + minutes * MINUTE_US for minutes in _FULL_DAY))


@lru_cache(maxsize=16)
def newest_begun(now_us: int) -> TradingDay:
    """Return the newest trading day whose pre-market session has begun by ``now_us``."""
    day = sessions.eastern_date(now_us)
    while (trading := trading_day(day)) is None or trading.pre_open_us > now_us:
        day -= timedelta(days=1)
    return trading


def newest_over(now_us: int) -> TradingDay:
    """Return the newest trading day whose after-hours session is over by ``now_us``."""
    trading = newest_begun(now_us)
    return trading if trading.post_close_us <= now_us else before(trading.date)


@lru_cache(maxsize=16_384)
def before(day: date) -> TradingDay:
    """Return the last trading day before a date."""
    while True:
        day -= timedelta(days=1)
        trading = trading_day(day)
        if trading is not None:
            return trading


def first_minute(day: TradingDay) -> int:
    """Return the first minute of a day's trading, counted from Eastern midnight."""
    return (day.pre_open_us - sessions.eastern_midnight_us(day.date)) // MINUTE_US
