"""The simulated market: prices and volumes as a function of seed, ticker and time, with no state.

Each trading day is made whole from its own random numbers: a path of 960 minutes from the day's open to its close. All
longer bars are exact aggregates of those minutes. Prices are adjusted for splits; raw ones before a split are multiplied.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import NamedTuple

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox.universe import profile, unit

MINUTE_US = 60_000_000
HISTORY_YEARS = 10


class Bar(NamedTuple):
    """A bar; ``t`` in ms. ``turnover``: the sum of price times volume, from which ``vw`` comes."""

    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the wire's name
    c: float
    v: int
    n: int
    turnover: float

    def wire(self, ratio: int = 1) -> dict[str, float]:
        """As the wire has it; ``ratio``: how many shares one of then has become, for raw prices."""
        prices = {name: _cents(getattr(self, name) * ratio) for name in "ohlc"}
        vwap = round(self.turnover / self.v * ratio, 4)
        return {"v": self.v // ratio or 1, "vw": vwap, **prices, "t": self.t, "n": self.n}


def merged(t: int, bars: list[Bar]) -> Bar:
    """One bar over several, in order."""
    return Bar(
        t,
        bars[0].o,
        max(bar.h for bar in bars),
        min(bar.l for bar in bars),
        bars[-1].c,
        sum(bar.v for bar in bars),
        sum(bar.n for bar in bars),
        sum(bar.turnover for bar in bars),
    )


@lru_cache(maxsize=40_000)
def trading_day(day: date) -> TradingDay | None:
    """The day's sessions; past the calendar's ends every weekday is like the last known one."""
    try:
        return sessions.trading_day(day)
    except sessions.CalendarUnknown:
        if day.weekday() >= 5:  # noqa: PLR2004 - the weekend
            return None
        start = sessions.eastern_midnight_us(day)
        return TradingDay(day, *(start + minutes * MINUTE_US for minutes in (240, 570, 960, 1200)))


@lru_cache(maxsize=4_000)
def minutes(seed: int, ticker: str, day: date) -> tuple[Bar, ...]:
    """The minute bars of a whole trading day; minutes without a trade have none."""
    return tuple(
        Bar(t, o, h, low, c, v, 1 + v // 100, v * (o + h + low + c) / 4)
        for t, o, h, low, c, v in _rows(seed, ticker, day)
    )


def _rows(seed: int, ticker: str, day: date) -> list[tuple[int, float, float, float, float, int]]:
    """The minutes of a day as plain rows: t in ms, open, high, low, close, volume. Written for speed: a request for years
    of day bars makes a thousand of these days.
    """
    sessions_of_day = trading_day(day)
    if sessions_of_day is None:
        return []
    about = profile(seed, ticker)
    draw = Random(f"{seed}:{ticker}:{day.toordinal()}").random  # noqa: S311 - a simulation
    opened, closed = _level(seed, ticker, day - timedelta(days=1)), _level(seed, ticker, day)
    last = (sessions_of_day.post_close_us - sessions_of_day.pre_open_us) // MINUTE_US
    one, two, three = ((draw() - 0.5) * 0.01 * opened / k for k in range(1, 4))
    span, noise, digits = (closed - opened) / last, 0.001 * opened, 2 if opened > 1 else 4
    path = [
        round(opened + span * i + one * a + two * b + three * c + noise * (draw() - 0.5), digits)
        for i, (a, b, c) in enumerate(_waves(last))
    ]
    start_ms, trading, busy, calm = (
        sessions_of_day.pre_open_us // 1000,
        about.trading,
        about.volume * 3,
        about.volume * 0.3,
    )
    rows = []
    for i in range(last):
        if trading < 1 and draw() > trading:
            continue
        o, c, dice = path[i], path[i + 1], draw()
        high, low = (o, c) if o > c else (c, o)
        if dice < 0.25:  # noqa: PLR2004 - one minute in four goes beyond its ends
            high, low = round(high * (1 + dice / 200), digits), round(low * (1 - dice / 200), digits)
        v = 1 + int((busy if 330 <= i < 720 else calm) * dice)  # noqa: PLR2004 - the regular session
        rows.append((start_ms + i * 60_000, o, high, low, c, v))
    return rows


@lru_cache(maxsize=8)
def _waves(last: int) -> tuple[tuple[float, float, float], ...]:
    """Three waves over a day, zero at both ends."""
    return tuple(
        (math.sin(turn), math.sin(2 * turn), math.sin(3 * turn))
        for turn in (math.pi * i / last for i in range(last + 1))
    )


@lru_cache(maxsize=60_000)
def whole_day(seed: int, ticker: str, day: date) -> Bar | None:
    """The bar of a whole trading day."""
    rows = _rows(seed, ticker, day)
    if not rows:
        return None
    _, opens, highs, lows, closes, volumes = zip(*rows, strict=True)
    turnover = sum(v * (o + h + low + c) / 4 for _, o, h, low, c, v in rows)
    trades = len(rows) + sum(v // 100 for v in volumes)
    t = sessions.eastern_midnight_us(day) // 1000
    return Bar(t, opens[0], max(highs), min(lows), closes[-1], sum(volumes), trades, turnover)


def minutes_until(seed: int, ticker: str, day: date, now_us: int) -> list[Bar]:
    """The minute bars of a day that have begun by now; the last one may still be forming."""
    return [bar for bar in minutes(seed, ticker, day) if bar.t * 1000 <= now_us]


def day_until(seed: int, ticker: str, day: date, now_us: int) -> Bar | None:
    """The day's bar as it stands now."""
    found = trading_day(day)
    if found is None or found.pre_open_us > now_us:
        return None
    if found.post_close_us <= now_us:
        return whole_day(seed, ticker, day)
    bars = minutes_until(seed, ticker, day, now_us)
    return merged(sessions.eastern_midnight_us(day) // 1000, bars) if bars else None


def last_trading_day(now_us: int) -> TradingDay:
    """The newest day whose pre-market has begun."""
    day = sessions.eastern_date(now_us)
    while (found := trading_day(day)) is None or found.pre_open_us > now_us:
        day -= timedelta(days=1)
    return found


@dataclass(frozen=True, slots=True)
class Tick:
    """The market of one ticker at one second: bid, ask, last price, and the moment they are of (microseconds)."""

    bid: float
    ask: float
    last: float
    sizes: tuple[int, int, int]
    at_us: int
    sequence: int


def tick(seed: int, ticker: str, now_us: int) -> Tick:
    """The last quote and trade at a moment; outside the sessions, those of the last session's end."""
    day = last_trading_day(now_us)
    at_us = min(now_us, day.post_close_us - 1) // 1_000_000 * 1_000_000
    bars = minutes_until(seed, ticker, day.date, at_us)
    price = bars[-1].c if bars else _cents(_level(seed, ticker, day.date - timedelta(days=1)))
    spread = max(0.01, round(price * 0.0002, 2))
    moved = round((unit(seed, ticker, at_us) - 0.5) * price * 0.001, 2)
    bid = max(0.01, round(price + moved - spread / 2, 2))
    sizes = tuple(1 + int(unit(seed, ticker, at_us, side) * 20) for side in "bal")
    sequence = (at_us - day.pre_open_us) // 1_000_000 * 7 + 1_000
    at_us += int(unit(seed, ticker, at_us, "us") * min(999_999, now_us - at_us)) if now_us > at_us else 0
    return Tick(
        bid, round(bid + spread, 2), round(bid + spread / 2, 4), (sizes[0], sizes[1], sizes[2]), at_us, sequence
    )


def split_ratio(seed: int, ticker: str, t_ms: int) -> int:
    """How many of today's shares one share of that moment has become."""
    split = profile(seed, ticker).split
    if split is None or t_ms * 1000 >= sessions.eastern_midnight_us(split[0]):
        return 1
    return split[1]


def _level(seed: int, ticker: str, day: date) -> float:
    """The close of a calendar day: waves of several lengths and a little noise around the ticker's price."""
    about = profile(seed, ticker)
    number = day.toordinal()
    slow = about.swing * math.sin(number / 260 + 6.3 * unit(seed, ticker, "slow"))
    quick = 0.05 * math.sin(number / 17 + 6.3 * unit(seed, ticker, "quick"))
    return about.price * math.exp(slow + quick + 0.02 * (unit(seed, ticker, number) - 0.5))


def _cents(price: float) -> float:
    return round(price, 2) if price >= 1 else round(max(price, 0.0001), 4)
