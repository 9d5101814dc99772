"""Corrections after the close: until they are all made, the upstream counts trades of a day that it takes back later.

That is how the vendor's bars behave: volume, vwap and number of transactions of a day change for hours after the market has
closed, while its prices stay (https://github.com/polygon-io/issues/issues/151). Here the last minute before the close counts too
much, less with each hour, until midnight in New York.
"""

from datetime import timedelta
from typing import Final, NamedTuple

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox.span import Span

_HOUR_US: Final = 3_600_000_000
_PART: Final = 100
"""For each hour that is left, a hundredth of the minute's volume is counted too much."""


class Correction(NamedTuple):
    """Trading in one minute (``minute``, since Eastern midnight) that is still counted, and will not be in the end."""

    minute: int
    volume: int
    trades: int
    turnover: int

    def counted_in(self, span: Span) -> Span:
        """Return a span that contains the minute with this trading counted, too."""
        return span._replace(
            volume=span.volume + self.volume, trades=span.trades + self.trades, turnover=span.turnover + self.turnover
        )


def hours_left(day: TradingDay, now_us: int) -> int:
    """Return the hours until a day's corrections are all made; 0 before its close, and after they were made."""
    left_us = sessions.eastern_midnight_us(day.date + timedelta(days=1)) - now_us
    return -(-left_us // _HOUR_US) if now_us >= day.close_us and left_us > 0 else 0


def correction(minute: int, whole: Span, hours: int) -> Correction:
    """Return the correction of a minute's trading with so many hours left. Its price is the minute's average."""
    volume = hours * (1 + whole.volume // _PART)
    return Correction(minute, volume, hours, volume * (whole.turnover // whole.volume))
