"""Resamples minute bars to bars of several minutes or hours, as the upstream itself computes those.

Windows are counted from each day's Eastern midnight, so they never reach into the next day.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from itertools import groupby
from typing import Final

from dekr.market.bars.model import Page, Row, start_ms
from dekr.market.bars.segments import UNIT_MS, Series, Timespan

MAX_RESAMPLED: Final = 4
"""The number of resampled series that are kept with a page of minute bars: together they take less memory than the page."""

VWAP_STEP: Final = Decimal("0.0001")
"""The upstream rounds the vwap of a bar to four decimals (https://github.com/polygon-io/issues/issues/151 shows many). Where it
sends more of them for the minutes, their window's vwap has as many.
"""

EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
"""Holds sums of prices times volumes, some 17 digits each, without loss."""


def minutes_of(series: Series) -> Series | None:
    """The series of minute bars from which a series can be resampled; None for seconds, single minutes, days and longer."""
    if series.timespan is Timespan.HOUR or (series.timespan is Timespan.MINUTE and series.multiplier > 1):
        return Series(series.ticker, 1, Timespan.MINUTE, series.adjusted)
    return None


def resample_cached(series: Series, page: Page, midnight_ms: int) -> list[Row]:
    """Resample a day's page of minute bars to a series, once for as long as the page is kept in memory.

    ``midnight_ms``: the Eastern midnight at which that day begins.
    """
    rows = page.resampled.get(series.name)
    if rows is None:
        if len(page.resampled) >= MAX_RESAMPLED:
            page.resampled.clear()
        rows = page.resampled[series.name] = resample(series, page.rows, midnight_ms)
    return rows


def resample(series: Series, minutes: Sequence[Row], midnight_ms: int) -> list[Row]:
    """Resample one day's minute bars (sorted by time) to a series of longer windows.

    ``midnight_ms``: the Eastern midnight at which that day begins. A window's open is that of its first minute, its close
    that of the last; high and low are the extremes, volume and transactions the exact sums; its vwap is the mean of the
    minutes' vwaps weighted by volume, which equals the sum of price times size over the sum of sizes
    (https://massive.com/docs/rest/stocks/aggregates/custom-bars), rounded as the upstream rounds it. It may differ from the
    upstream's by one in its last decimal, because the minutes' vwaps are rounded themselves. Where a minute lacks vwap or
    transactions, its window lacks them, too.
    """
    step = series.multiplier * UNIT_MS[series.timespan]

    def window(row: Row) -> int:
        return (start_ms(row) - midnight_ms) // step

    return [_combine(midnight_ms + number * step, list(rows)) for number, rows in groupby(minutes, window)]


def _combine(begin_ms: int, rows: list[Row]) -> Row:
    """The bar of one window that starts at ``begin_ms``, made of the bars in it."""
    starts, opens, highs, lows, closes, volumes, vwaps, counts = zip(*rows, strict=True)
    volume, vwap = volumes[0], vwaps[0]
    if len(starts) > 1:
        with localcontext(EXACT):
            sizes = [_exact(each) for each in volumes]
            total = sum(sizes, Decimal())
            volume = _number(total)
            vwap = None if None in vwaps or not total else _weighted_mean([_exact(each) for each in vwaps], sizes)
    count = None if None in counts else sum(counts)
    return [begin_ms, opens[0], max(highs), min(lows), closes[-1], volume, vwap, count]


def _weighted_mean(values: Sequence[Decimal], weights: Sequence[Decimal]) -> float:
    turnover = sum((value * weight for value, weight in zip(values, weights, strict=True)), Decimal())
    # A sum has as many decimals as the term that has most.
    return _number((turnover / sum(weights, Decimal())).quantize(sum(values, VWAP_STEP)))


def _exact(sent: float) -> Decimal:
    """The number that the upstream wrote: the one with the shortest text of all that are read as this float."""
    return Decimal(repr(sent))


def _number(value: Decimal) -> float:
    """The number as the upstream writes it: an integer where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)
