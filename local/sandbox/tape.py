"""The consolidated tape: all quotes and trades of a ticker over a stretch of time.

There is a quote in each second of a session, and a trade in each second that trades (its last one; the bars count
more). Both are generated minute by minute and on demand, so the cost depends on how many are consumed and not on the
stretch.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import lru_cache

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox.market import seconds_of, traded_minutes
from local.sandbox.quotes import Quote, Trade, last_trade, quote_in, trade_in
from local.sandbox.trading_days import MINUTE_US, SECOND_US, first_minute, trading_day
from local.sandbox.universe import LISTED_SINCE

_START_NS = sessions.eastern_midnight_us(LISTED_SINCE) * 1000


def quotes(seed: int, ticker: str, first_ns: int, last_ns: int, now_us: int, *, newest_first: bool) -> Iterator[Quote]:
    """Yield the quotes from ``first_ns`` to ``last_ns`` (inclusive) that are known at ``now_us``."""
    last_ns = _last_known_ns(last_ns, now_us)
    for day in _days(first_ns, last_ns, newest_first=newest_first):
        first = first_minute(day)
        minutes = range(first, first + (day.post_close_us - day.pre_open_us) // MINUTE_US)
        for minute in _minutes_in_range(minutes, day, first_ns, last_ns, newest_first=newest_first):
            yield from _in_range(_quotes(seed, ticker, day, minute), first_ns, last_ns, newest_first=newest_first)


def trades(seed: int, ticker: str, first_ns: int, last_ns: int, now_us: int, *, newest_first: bool) -> Iterator[Trade]:
    """Yield the trades from ``first_ns`` to ``last_ns`` (inclusive) that are known at ``now_us``."""
    last_ns = _last_known_ns(last_ns, now_us)
    for day in _days(first_ns, last_ns, newest_first=newest_first):
        minutes = traded_minutes(seed, ticker, day)
        for minute in _minutes_in_range(minutes, day, first_ns, last_ns, newest_first=newest_first):
            yield from _in_range(_trades(seed, ticker, day, minute), first_ns, last_ns, newest_first=newest_first)


@lru_cache(maxsize=1_024)
def _trades(seed: int, ticker: str, day: TradingDay, minute: int) -> tuple[Trade, ...]:
    midnight_us = sessions.eastern_midnight_us(day.date)
    return tuple(
        trade_in(seed, ticker, midnight_us + second * SECOND_US, span)
        for second, span in seconds_of(seed, ticker, day, minute)
    )


@lru_cache(maxsize=1_024)
def _quotes(seed: int, ticker: str, day: TradingDay, minute: int) -> tuple[Quote, ...]:
    start_us = sessions.eastern_midnight_us(day.date) + minute * MINUTE_US
    newest = last_trade(seed, ticker, start_us)
    traded = {trade.at_ns // 10**9: trade for trade in _trades(seed, ticker, day, minute)}
    made = []
    for second_us in range(start_us, start_us + MINUTE_US, SECOND_US):
        newest = traded.get(second_us // SECOND_US, newest)
        if newest is not None:
            made.append(quote_in(seed, ticker, day, second_us, newest))
    return tuple(made)


def _last_known_ns(last_ns: int, now_us: int) -> int:
    """Return the last nanosecond that is known at ``now_us``: the content of a second is known when the second is over."""
    return min(last_ns, now_us // SECOND_US * 10**9 - 1)


def _days(first_ns: int, last_ns: int, *, newest_first: bool) -> Iterator[TradingDay]:
    if last_ns < max(first_ns, _START_NS):
        return
    first = sessions.eastern_date(max(first_ns, _START_NS) // 1000)
    last = sessions.eastern_date(last_ns // 1000)
    for number in range((last - first).days + 1):
        day = trading_day(last - timedelta(days=number) if newest_first else first + timedelta(days=number))
        if day is not None:
            yield day


def _minutes_in_range(
    minutes: Iterable[int], day: TradingDay, first_ns: int, last_ns: int, *, newest_first: bool
) -> list[int]:
    """Return the minutes of a day that the stretch touches."""
    midnight_ns, minute_ns = sessions.eastern_midnight_us(day.date) * 1000, MINUTE_US * 1000
    first, last = (first_ns - midnight_ns) // minute_ns, (last_ns - midnight_ns) // minute_ns
    touched = [minute for minute in minutes if first <= minute <= last]
    return touched[::-1] if newest_first else touched


def _in_range[T: (Quote, Trade)](
    items: tuple[T, ...], first_ns: int, last_ns: int, *, newest_first: bool
) -> Iterator[T]:
    for item in items[::-1] if newest_first else items:
        if first_ns <= item.at_ns <= last_ns:
            yield item
