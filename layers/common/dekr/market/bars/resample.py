"""Bars of minutes and hours, put together from minute bars as the upstream does it: its ``limit`` counts the minutes under them.

Windows are counted from each day's Eastern midnight, so they never reach into the next day.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from dekr.market.bars.model import Page, Row, start_ms
from dekr.market.bars.segments import UNIT_MS, Series, Timespan

MAX_LONGER: Final = 4
"""Series made of one page that are kept with it: together less than the page itself."""


def minutes_of(series: Series) -> Series | None:
    """The series of minute bars that these bars are made of; None where they are not, or are those themselves."""
    if series.timespan is Timespan.HOUR or (series.timespan is Timespan.MINUTE and series.multiplier > 1):
        return Series(series.ticker, 1, Timespan.MINUTE, series.adjusted)
    return None


def longer(series: Series, page: Page, midnight_ms: int) -> list[Row]:
    """The bars of a series that a day's page of minute bars makes: see ``derived``. Made once for as long as the page is kept."""
    rows = page.longer.get(series.datum)
    if rows is None:
        if len(page.longer) >= MAX_LONGER:
            page.longer.clear()
        rows = page.longer[series.datum] = derived(series, page.rows, midnight_ms)
    return rows


def derived(series: Series, minutes: Sequence[Row], midnight_ms: int) -> list[Row]:
    """The bars of a series that minute bars of one day (in order of time) make; ``midnight_ms``: when that day begins in New
    York.

    Open of the first, highest high, lowest low, close of the last, sums of volume and transactions, and the volume-weighted
    mean of the minutes' volume-weighted prices, which is the sum of price times size over the sum of sizes again
    (https://massive.com/docs/rest/stocks/aggregates/custom-bars). Where a minute lacks a figure, the whole lacks it.
    """
    step = series.multiplier * UNIT_MS[series.timespan]

    def window(row: Row) -> int:
        return (start_ms(row) - midnight_ms) // step

    return [_whole(midnight_ms + number * step, list(rows)) for number, rows in groupby(minutes, window)]


def _whole(begins_ms: int, rows: list[Row]) -> Row:
    starts, opens, highs, lows, closes, volumes, vwaps, counts = zip(*rows, strict=True)
    volume = sum(volumes)
    vwap = None
    if None not in vwaps and volume:
        vwap = vwaps[0] if len(starts) == 1 else _mean(vwaps, volumes, volume)
    count = None if None in counts else sum(counts)
    return [begins_ms, opens[0], max(highs), min(lows), closes[-1], volume, vwap, count]


def _mean(values: Sequence[float], weights: Sequence[float], weight: float) -> float:
    mean = sum(value * part for value, part in zip(values, weights, strict=True)) / weight
    # Rounding must not bring it out of the range of what it is the mean of.
    return min(max(mean, min(values)), max(values))
