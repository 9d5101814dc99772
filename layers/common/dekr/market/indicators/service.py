"""Technical indicators of a series, computed from its cached bars."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dekr.market.bars.model import start_ms
from dekr.market.bars.segments import Series
from dekr.market.bars.service import Bars, Range, Row
from dekr.market.indicators import formulas
from dekr.market.read.context import ReadContext

WIDEST: Final = 1_000
"""The widest window. Wilder's RSI of it remembers 36 700 bars and MACD's two EMAs 36 800, so with the 5 000 values of the
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
    """Which price of a bar is taken."""

    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Formula:
    """What is known of an indicator, given its windows: its ``points``, with a value for each of its ``fields``; ``lead``, the
    bars before its first value; ``memory``, the bars after it on which that beginning has an influence. ``windows`` are their
    names, and what they are where nothing else is said.
    """

    windows: Mapping[str, int]
    lead: Callable[..., int]
    memory: Callable[..., int]
    points: Callable[..., Sequence[Point]]
    fields: tuple[str, ...] = ("value",)


def _of_prices(values: Callable[[list[float], int, int], list[float]]) -> Callable[..., Sequence[Point]]:
    def points(rows: Sequence[Row], place: int, window: int, since: int) -> Sequence[Point]:
        found = values([row[place] for row in rows], window, since)
        return list(zip([row[0] for row in rows[since:]], found, strict=True))

    return points


FORMULAS: Final = {
    Indicator.SMA: Formula(
        {"window": 50},
        lambda window: window - 1,
        lambda _: 0,
        _of_prices(formulas.sma),
    ),
    Indicator.EMA: Formula(
        {"window": 50},
        lambda window: window - 1,
        formulas.ema_memory,
        _of_prices(formulas.ema),
    ),
    Indicator.MACD: Formula(
        {"short_window": 12, "long_window": 26, "signal_window": 9},
        lambda _, long, signal: long + signal - 2,
        formulas.macd_memory,
        formulas.macd,
        ("value", "signal", "histogram"),
    ),
    Indicator.RSI: Formula(
        {"window": 14},
        lambda window: window,
        formulas.rsi_memory,
        _of_prices(formulas.rsi),
    ),
}

_PRICES: Final = {Price.OPEN: 1, Price.HIGH: 2, Price.LOW: 3, Price.CLOSE: 4}
"""Their places in a row."""


@dataclass(frozen=True, slots=True)
class Study:
    """An indicator with its windows, in the order of its formula's, of one of the bars' prices."""

    indicator: Indicator
    windows: tuple[int, ...]
    price: Price

    @property
    def formula(self) -> Formula:
        """Its formula."""
        return FORMULAS[self.indicator]

    @property
    def lead(self) -> int:
        """How many bars stand before the first one that has a value."""
        return self.formula.lead(*self.windows)

    @property
    def reach(self) -> int:
        """How many bars before a bar its value depends on, as far as a double can tell."""
        return self.lead + self.formula.memory(*self.windows)

    def points(self, rows: Sequence[Row], since: int) -> Sequence[Point]:
        """The values of ``rows[since:]`` that have one, in their order."""
        return self.formula.points(rows, _PRICES[self.price], *self.windows, max(since, self.lead))


@dataclass(frozen=True, slots=True)
class Computed:
    """Values in order of time, and the bars that were read for them; what follows the last value's bar is not used."""

    points: Sequence[Point]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Indicators:
    """The indicator service.

    A value is that of the full history: as many bars before it are read as it depends on. Where there are fewer, it is
    computed from the first one.
    """

    bars: Bars

    def newest(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> Computed:
        """The newest values of the range, at most as many as its limit. Raises UnknownSymbol."""
        rows = self._newest_rows(context, series, study, wanted)
        since = bisect_left(rows, wanted.first_ms, key=start_ms)
        return Computed(study.points(rows, max(since, len(rows) - wanted.limit)), rows)

    def oldest(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> Computed:
        """The oldest values of the range, at most as many as its limit. Raises UnknownSymbol."""
        # Where the history begins in the range, its first bars have no value.
        page = self.bars.oldest(context, series, Range(wanted.first_ms, wanted.last_ms, wanted.limit + study.lead))
        rows = self._with_warm_up(context, series, study, page)
        since = bisect_left(rows, wanted.first_ms, key=start_ms)
        return Computed(study.points(rows, since)[: wanted.limit], rows)

    def _newest_rows(self, context: ReadContext, series: Series, study: Study, wanted: Range) -> list[Row]:
        if wanted.first_ms == 0:
            return self.bars.get(context, series, Range(0, wanted.last_ms, wanted.limit + study.reach))
        # Only what is in the range says how far back its values reach.
        return self._with_warm_up(context, series, study, self.bars.get(context, series, wanted))

    def _with_warm_up(self, context: ReadContext, series: Series, study: Study, page: Sequence[Row]) -> list[Row]:
        """The page's bars and those before them that its values depend on, read as one, so that all are of one scale."""
        if not page:
            return []
        return self.bars.get(context, series, Range(0, page[-1][0], len(page) + study.reach))
