"""The ticker TEST, which trades in every second of every day, so that something moves at night and on weekends, too.

It belongs to no market: only answers about this one ticker know it, and the stream. Its price goes up and down by the second, the
same each ten minutes; a day is one in New York. A pure function of the time.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from dekr import sessions
from local.sandbox.market import DayProgress
from local.sandbox.quotes import Quote, Trade
from local.sandbox.span import DOLLAR, Span, merged
from local.sandbox.trading_days import MINUTE_US, SECOND_US
from local.sandbox.universe import CENT, LISTED_SINCE

TICKER: Final = "TEST"

_PERIOD_S: Final = 600
_TRADE_NS: Final = 250_000_000
_QUOTE_NS: Final = 500_000_000
_LOT: Final = 2
_START_NS: Final = sessions.eastern_midnight_us(LISTED_SINCE) * 1000


def second_span(second_us: int) -> Span:
    """Return all trading in the second that begins at this moment: one trade."""
    number = second_us // SECOND_US % _PERIOD_S
    price = 100 * DOLLAR + min(number, _PERIOD_S - number) * CENT
    size = 1 + number % 100
    return Span(price, price, price, price, size, 1, price * size, 1)


def trade_in(second_us: int) -> Trade:
    """Return the trade of the second that begins at this moment."""
    span = second_span(second_us)
    return Trade(span.close, span.volume, second_us * 1000 + _TRADE_NS)


def quote_in(second_us: int) -> Quote:
    """Return the quote of the second that begins at this moment."""
    price = second_span(second_us).close
    return Quote(price - CENT, price + CENT, _LOT, _LOT, second_us * 1000 + _QUOTE_NS)


def spans_between(first_us: int, end_us: int) -> Span:
    """Return all trading from one whole second to another (exclusive), as one span. It must not be empty."""
    seconds = (end_us - first_us) // SECOND_US
    periods, rest = divmod(seconds, _PERIOD_S)
    spans = [second_span(first_us + i * SECOND_US) for i in range(min(seconds, _PERIOD_S))]
    if not periods:
        return merged(spans)
    once, part = merged(spans), merged(spans[:rest]) if rest else None
    return once._replace(
        close=part.close if part else once.close,
        volume=periods * once.volume + (part.volume if part else 0),
        trades=seconds,
        turnover=periods * once.turnover + (part.turnover if part else 0),
        slots=seconds,
    )


def windows(day: date, step_us: int, now_us: int) -> list[tuple[int, Span]]:
    """Return a day's trading up to ``now_us`` in windows of ``step_us`` that begin at Eastern midnight, in order of time.

    Each is (its start in microseconds, its trading).
    """
    first_us, end_us = _bounds(day, now_us)
    return [
        (start_us, spans_between(start_us, min(start_us + step_us, end_us)))
        for start_us in range(first_us, end_us, step_us)
    ]


def day_span(day: date, now_us: int) -> Span | None:
    """Return all trading of a day up to ``now_us`` as one span, or None if there is none yet."""
    first_us, end_us = _bounds(day, now_us)
    return spans_between(first_us, end_us) if first_us < end_us else None


def day_progress(day: date, now_us: int) -> DayProgress | None:
    """Return a day's trading up to ``now_us``, with its newest minute and second, or None if there is none yet."""
    first_us, end_us = _bounds(day, now_us)
    if first_us >= end_us:
        return None
    second_us = end_us - SECOND_US
    minute_us = second_us // MINUTE_US * MINUTE_US
    return DayProgress(
        spans_between(first_us, end_us),
        ((minute_us - first_us) // MINUTE_US, spans_between(minute_us, end_us)),
        ((second_us - first_us) // SECOND_US, second_span(second_us)),
    )


def newest(now_us: int) -> tuple[Quote, Trade]:
    """Return the newest quote and the newest trade of the seconds that are over."""
    second_us = (now_us // SECOND_US - 1) * SECOND_US
    return quote_in(second_us), trade_in(second_us)


def quotes(first_ns: int, last_ns: int, now_us: int, *, newest_first: bool) -> Iterator[Quote]:
    """Yield the quotes from ``first_ns`` to ``last_ns`` (inclusive) that are known at ``now_us``."""
    for second_us in _seconds(first_ns, last_ns, now_us, newest_first=newest_first):
        quote = quote_in(second_us)
        if first_ns <= quote.at_ns <= last_ns:
            yield quote


def trades(first_ns: int, last_ns: int, now_us: int, *, newest_first: bool) -> Iterator[Trade]:
    """Yield the trades from ``first_ns`` to ``last_ns`` (inclusive) that are known at ``now_us``."""
    for second_us in _seconds(first_ns, last_ns, now_us, newest_first=newest_first):
        trade = trade_in(second_us)
        if first_ns <= trade.at_ns <= last_ns:
            yield trade


def _bounds(day: date, now_us: int) -> tuple[int, int]:
    """Return the start of a day and the end of what is over of it, in microseconds."""
    first_us = sessions.eastern_midnight_us(day)
    if day < LISTED_SINCE:
        return first_us, first_us
    return first_us, min(sessions.eastern_midnight_us(day + timedelta(days=1)), now_us // SECOND_US * SECOND_US)


def _seconds(first_ns: int, last_ns: int, now_us: int, *, newest_first: bool) -> Iterator[int]:
    """Yield the starts, in microseconds, of the seconds that the stretch touches and that are over."""
    first = max(first_ns, _START_NS) // 10**9
    last = min(last_ns // 10**9, now_us // SECOND_US - 1)
    numbers = range(first, last + 1)
    return (number * SECOND_US for number in (reversed(numbers) if newest_first else numbers))
