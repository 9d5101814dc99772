"""The last trade and the best bid and offer of a ticker at a moment, in ten-thousandths of a dollar."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox import noise
from local.sandbox.market import standing
from local.sandbox.span import Span
from local.sandbox.trading_days import SECOND_US, before, first_minute, newest_begun
from local.sandbox.universe import LISTED, profile

_WIDEST_SPREAD: Final = 0.0004
_LARGEST_SIZE: Final = 40


@dataclass(frozen=True, slots=True)
class Trade:
    """The last trade: its price, size, and moment (ns)."""

    price: int
    size: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer: prices, sizes in round lots, and moment (ns)."""

    bid: int
    ask: int
    bid_size: int
    ask_size: int
    at_ns: int


def last_trade(seed: int, ticker: str, now_us: int) -> Trade | None:
    """The newest trade before a moment. None before the first day."""
    found = newest_begun(now_us)
    stands = standing(seed, ticker, found.date, now_us)
    if stands is None:
        found = before(found.date)
        stands = standing(seed, ticker, found.date, now_us)
    if stands is None:
        return None
    number, span = stands.second
    return trade_in(seed, ticker, found.pre_open_us + (number - first_minute(found) * 60) * SECOND_US, span)


def trade_in(seed: int, ticker: str, second_us: int, span: Span) -> Trade:
    """The last trade of a second; ``span``: all its trading."""
    draw = noise.units(_key(seed, ticker, "trade"), second_us)
    return Trade(span.close, span.volume // span.trades, second_us * 1000 + int(draw[0] * 10**9))


def last_quote(seed: int, ticker: str, now_us: int) -> Quote | None:
    """The newest quote before a moment: a new one in every second of a session. None before the first day."""
    found = newest(seed, ticker, now_us)
    return found[0] if found is not None else None


def newest(seed: int, ticker: str, now_us: int) -> tuple[Quote, Trade] | None:
    """The newest quote and the newest trade before a moment. None before the first day."""
    trade = last_trade(seed, ticker, now_us)
    if trade is None:
        return None
    # From the seconds that are over: so a quote never lies in the future, and none changes after it was seen.
    found = newest_begun(now_us - SECOND_US)
    second_us = (min(now_us, found.post_close_us) // SECOND_US - 1) * SECOND_US
    return quote_in(seed, ticker, found, second_us, trade), trade


def quote_in(seed: int, ticker: str, day: TradingDay, second_us: int, trade: Trade) -> Quote:
    """The quote of a second; ``trade``: the newest one at its end."""
    draw = noise.units(_key(seed, ticker, "quote"), second_us)
    about = profile(seed, ticker)
    grain = about.grain
    # On the day of a split, quotes are in new shares before the first trade is.
    ratio = about.ratio(sessions.eastern_date(trade.at_ns // 1000), day.date) if about.split is not None else 1
    price = trade.price // ratio // grain * grain
    widest = max(1, round(price * _WIDEST_SPREAD / grain))
    return Quote(
        bid=max(grain, price - grain * int(draw[0] * (widest + 1))),
        ask=price + grain * (1 + int(draw[1] * widest)),
        bid_size=1 + int(draw[2] * draw[2] * _LARGEST_SIZE),
        ask_size=1 + int(draw[3] * draw[3] * _LARGEST_SIZE),
        at_ns=second_us * 1000 + int(draw[4] * 10**9),
    )


@lru_cache(maxsize=2 * LISTED)
def _key(seed: int, ticker: str, what: str) -> bytes:
    return noise.key(seed, ticker, what)
