"""Indicators with their parameters, and the formula that computes each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dekr.market.bars.model import Row
from dekr.market.indicators import formulas

MAX_WINDOW: Final = 1_000
"""The longest window. Wilder's RSI of it depends on 36 700 bars and MACD's two EMAs on 36 800, so with the 5 000 values of the
longest page no answer needs more than 44 000 bars.
"""

type Point = tuple[Any, ...]
"""The start of a bar's window in ms, then the values of the indicator's fields."""


class Indicator(StrEnum):
    """The indicators, by their names in paths."""

    SMA = "sma"
    EMA = "ema"
    MACD = "macd"
    RSI = "rsi"


class Price(StrEnum):
    """The price of a bar from which an indicator is computed."""

    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Formula:
    """One indicator's formula.

    ``windows``: the names of its windows and their defaults, in the order in which the functions take them.
    ``lookback(*windows)``: how many bars come before the first one that has a value. ``unstable_period(*windows)``: how many bars
    after that a value still depends on the first one (dekr.market.indicators.formulas). ``points(rows, column, *windows,
    since)``: the points of ``rows[since:]`` that have a value, of the price in one column of the rows. ``fields``: the names of a
    point's values.
    """

    windows: Mapping[str, int]
    lookback: Callable[..., int]
    unstable_period: Callable[..., int]
    points: Callable[..., Sequence[Point]]
    fields: tuple[str, ...] = ("value",)


@dataclass(frozen=True, slots=True)
class PointsOfPrices:
    """Computes points with a formula that has one window and takes prices only: ``values(prices, window, since)``."""

    values: Callable[[list[float], int, int], list[float]]

    def __call__(self, rows: Sequence[Row], column: int, window: int, since: int) -> Sequence[Point]:
        """The points of ``rows[since:]``, of the prices in one column of the rows."""
        values = self.values([row[column] for row in rows], window, since)
        return list(zip([row[0] for row in rows[since:]], values, strict=True))


FORMULAS: Final = {
    Indicator.SMA: Formula(
        {"window": 50}, formulas.sma_lookback, formulas.sma_unstable_period, PointsOfPrices(formulas.sma)
    ),
    Indicator.EMA: Formula(
        {"window": 50}, formulas.sma_lookback, formulas.ema_unstable_period, PointsOfPrices(formulas.ema)
    ),
    Indicator.MACD: Formula(
        {"short_window": 12, "long_window": 26, "signal_window": 9},
        formulas.macd_lookback,
        formulas.macd_unstable_period,
        formulas.macd,
        ("value", "signal", "histogram"),
    ),
    Indicator.RSI: Formula(
        {"window": 14}, formulas.rsi_lookback, formulas.rsi_unstable_period, PointsOfPrices(formulas.rsi)
    ),
}

_COLUMNS: Final = {Price.OPEN: 1, Price.HIGH: 2, Price.LOW: 3, Price.CLOSE: 4}
"""The place of each price in a row of bars."""


@dataclass(frozen=True, slots=True)
class Study:
    """An indicator of one of the bars' prices, with its windows in the order of its formula's."""

    indicator: Indicator
    windows: tuple[int, ...]
    price: Price

    @property
    def formula(self) -> Formula:
        """The formula of the indicator."""
        return FORMULAS[self.indicator]

    @property
    def lookback(self) -> int:
        """The number of bars before the first one that has a value."""
        return self.formula.lookback(*self.windows)

    @property
    def history_bars(self) -> int:
        """The number of bars before a bar on which its value depends, as far as a double can represent."""
        return self.lookback + self.formula.unstable_period(*self.windows)

    def points(self, rows: Sequence[Row], since: int) -> Sequence[Point]:
        """The points of ``rows[since:]`` that have a value, in their order."""
        return self.formula.points(rows, _COLUMNS[self.price], *self.windows, max(since, self.lookback))
