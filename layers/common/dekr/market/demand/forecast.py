"""The requests that the record of demand expects in the next minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class TickerDemand:
    """A ticker, its expected requests a second, and when its quote was last fetched (0: long ago), on the store's clock."""

    ticker: str
    rate: float
    stamp_us: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected requests for quotes and trades at ``now_us`` (store's clock).

    ``market_us``: when the whole market was last fetched (0: long ago). ``tickers``: those in demand, the most popular first, then
    those that other modules prefer; where the whole market was fetched after the reader's floor, only those that it lacked.
    """

    now_us: int
    market_us: int
    tickers: Sequence[TickerDemand] = ()


def parse_forecast(reply: list[Any], floor_us: int, pace: float | None = None) -> Forecast:
    """The forecast in the reply of ``forecast.lua``. ``pace``: requests a second to assume in the place of the present ones.

    Raises ValueError or OverflowError for a record with values that this service does not write.
    """
    now_us, market, *rest = reply
    market_us = int(float(market))
    if not rest:
        return Forecast(now_us, market_us)
    recent, requests, names, scores, stamps, preferred = rest
    pace, total = float(recent) if pace is None else pace, float(requests)
    per_score = pace / total if total else 0.0
    rates = {name.decode(): float(score) * per_score for name, score in zip(names, scores, strict=True)}
    for name, preference in zip(preferred[::2], preferred[1::2], strict=True):
        until_us, _, weight = preference.partition(b" ")
        if int(until_us) > now_us:
            expected = float(weight) / 3600
            rates[name.decode()] = rates.get(name.decode(), 0.0) + expected
    # Where the market was fetched after the floor, these are the tickers that it lacked, and its stamp does not apply to them.
    fetched_us = 0 if market_us > floor_us else market_us
    when = {name.decode(): max(int(float(stamp or 0)), fetched_us) for name, stamp in zip(names, stamps, strict=True)}
    return Forecast(
        now_us, market_us, [TickerDemand(ticker, rate, when[ticker]) for ticker, rate in rates.items() if rate]
    )
