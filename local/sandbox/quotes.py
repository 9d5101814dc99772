"""The last trade and the best bid and offer of a ticker at a moment. Prices are in ten-thousandths of a dollar."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox import noise
from local.sandbox.market import day_progress
from local.sandbox.span import Span
from local.sandbox.trading_days import SECOND_US, before, first_minute, newest_begun
from local.sandbox.universe import TICKER_COUNT, profile

_MAX_SPREAD: Final = 0.0004
_MAX_SIZE: Final = 40


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade: its price in ten-thousandths of a dollar, its size in shares, and its moment in nanoseconds."""

    price: int
    size: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer: prices in ten-thousandths of a dollar, sizes in round lots, and the moment in nanoseconds."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int
    at_ns: int


def last_trade(seed: int, ticker: str, now_us: int) -> Trade | None:
    """Return the newest trade before a moment, or None before the first day of trading."""
    day = newest_begun(now_us)
    progress = day_progress(seed, ticker, day.date, now_us)
    if progress is None:
        day = before(day.date)
        progress = day_progress(seed, ticker, day.date, now_us)
    if progress is None:
        return None
    number, span = progress.second
    return trade_in(seed, ticker, day.pre_open_us + (number - first_minute(day) * 60) * SECOND_US, span)


def trade_in(seed: int, ticker: str, second_us: int, span: Span) -> Trade:
    """Return the last trade of a second. ``span`` is all trading of that second."""
    draw = noise.fractions(_key(seed, ticker, "trade"), second_us)
    return Trade(span.close, span.volume // span.trades, second_us * 1000 + int(draw[0] * 10**9))


def last_quote(seed: int, ticker: str, now_us: int) -> Quote | None:
    """Return the newest quote before a moment, or None before the first day of trading.

    There is a new quote in every second of a session.
    """
    latest = newest_quote_and_trade(seed, ticker, now_us)
    return latest[0] if latest is not None else None


def newest_quote_and_trade(seed: int, ticker: str, now_us: int) -> tuple[Quote, Trade] | None:
    """Return the newest quote and the newest trade before a moment, or None before the first day of trading."""
    trade = last_trade(seed, ticker, now_us)
    if trade is None:
        return None
    # Only seconds that are over are used, so that a quote never lies in the future and never changes after it was seen.
    day = newest_begun(now_us - SECOND_US)
    second_us = (min(now_us, day.post_close_us) // SECOND_US - 1) * SECOND_US
    return quote_in(seed, ticker, day, second_us, trade), trade


def quote_in(seed: int, ticker: str, day: TradingDay, second_us: int, trade: Trade) -> Quote:
    """Return the quote of a second. ``trade`` is the newest trade at its end."""
    draw = noise.fractions(_key(seed, ticker, "quote"), second_us)
    properties = profile(seed, ticker)
    tick_size = properties.tick_size
    # On the day of a split, quotes are in new shares before the first trade is.
    ratio = (
        properties.ratio(sessions.eastern_date(trade.at_ns // 1000), day.date) if properties.split is not None else 1
    )
    price = trade.price // ratio // tick_size * tick_size
    max_ticks = max(1, round(price * _MAX_SPREAD / tick_size))
    return Quote(
        bid=max(tick_size, price - tick_size * int(draw[0] * (max_ticks + 1))),
        ask=price + tick_size * (1 + int(draw[1] * max_ticks)),
        bid_size=1 + int(draw[2] * draw[2] * _MAX_SIZE),
        ask_size=1 + int(draw[3] * draw[3] * _MAX_SIZE),
        at_ns=second_us * 1000 + int(draw[4] * 10**9),
    )


@lru_cache(maxsize=2 * TICKER_COUNT)
def _key(seed: int, ticker: str, kind: str) -> bytes:
    return noise.key(seed, ticker, kind)
