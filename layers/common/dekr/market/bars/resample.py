"""Resamples minute bars to bars of several minutes or hours, as the upstream itself computes those.

Windows are counted from each day's Eastern midnight, so they never reach into the next day.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from dekr.market.bars.model import Page, Row, start_ms
from dekr.market.bars.segments import UNIT_MS, Series, Timespan

MAX_RESAMPLED: Final = 4
"""The number of resampled series that are kept with a page of minute bars: together they take less memory than the page."""


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
    that of the last; high and low are the extremes, volume and transactions the sums; its vwap is the mean of the minutes'
    vwaps weighted by volume, which equals the sum of price times size over the sum of sizes
    (https://massive.com/docs/rest/stocks/aggregates/custom-bars). Where a minute lacks vwap or transactions, its window
    lacks them, too.
    """
    step = series.multiplier * UNIT_MS[series.timespan]

    def window(row: Row) -> int:
        return (start_ms(row) - midnight_ms) // step

    return [_combine(midnight_ms + number * step, list(rows)) for number, rows in groupby(minutes, window)]


def _combine(begin_ms: int, rows: list[Row]) -> Row:
    """The bar of one window that starts at ``begin_ms``, made of the bars in it."""
    starts, opens, highs, lows, closes, volumes, vwaps, counts = zip(*rows, strict=True)
    volume = sum(volumes)
    vwap = None
    if None not in vwaps and volume:
        vwap = vwaps[0] if len(starts) == 1 else _weighted_mean(vwaps, volumes, volume)
    count = None if None in counts else sum(counts)
    return [begin_ms, opens[0], max(highs), min(lows), closes[-1], volume, vwap, count]


def _weighted_mean(values: Sequence[float], weights: Sequence[float], total_weight: float) -> float:
    mean = sum(value * weight for value, weight in zip(values, weights, strict=True)) / total_weight
    # Rounding must not move a mean out of the range of its values.
    return min(max(mean, min(values)), max(values))
