"""Longer bars out of minute bars, compared with those of the simulated market, which has its own."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekr import sessions
from dekr.market.bars.model import Page, Row
from dekr.market.bars.resample import MAX_RESAMPLED, minutes_of, resample, resample_cached
from dekr.market.bars.segments import Series, Timespan
from local.sandbox import windows
from local.sandbox.universe import tickers
from local.sandbox.wire import bar

NAMES = ("AAPL", "MSFT", *tickers()[-3:])
SEED = 1


def upstream(ticker: str, multiplier: int, timespan: str, day: date, now_us: int) -> list[Row]:
    first_ms = sessions.eastern_midnight_us(day) // 1000
    series = windows.Series(SEED, ticker, multiplier, timespan, adjusted=True, now_us=now_us)
    bars = series.bars(first_ms, first_ms + 86_399_999, newest_first=False)
    return [
        [each.start_ms, *(fields[name] for name in ("o", "h", "l", "c", "v", "vw", "n"))]
        for each in bars
        for fields in [bar(each.span)]
    ]


@settings(max_examples=60, deadline=None)
@given(
    ticker=st.sampled_from(NAMES),
    length=st.one_of(
        st.tuples(st.integers(2, 1500), st.just(Timespan.MINUTE)), st.tuples(st.integers(1, 30), st.just(Timespan.HOUR))
    ),
    day=st.sampled_from([date(2026, 11, 20), date(2026, 11, 27), date(2026, 3, 9), date(2026, 11, 2)]),
    minute=st.integers(240, 1300),
)
def test_they_are_what_the_upstream_makes_of_the_same_trades(
    ticker: str, length: tuple[int, Timespan], day: date, minute: int
) -> None:
    """This holds half-way through a day as at its end. The upstream's vwap is of the trades; ours is of the minutes' vwaps,
    which are rounded to a hundredth of a cent.
    """
    multiplier, timespan = length
    midnight_us = sessions.eastern_midnight_us(day)
    now_us = midnight_us + minute * 60_000_000 + 17_000_000
    series = Series(ticker, multiplier, timespan, adjusted=True)
    assert minutes_of(series) == Series(ticker, 1, Timespan.MINUTE, adjusted=True)
    found = resample(series, upstream(ticker, 1, "minute", day, now_us), midnight_us // 1000)
    expected = upstream(ticker, multiplier, timespan, day, now_us)
    assert [row[:6] + row[7:] for row in found] == [row[:6] + row[7:] for row in expected]
    assert [row[6] for row in found] == pytest.approx([row[6] for row in expected], abs=1.01e-4, rel=0)
    assert all(round(row[6], 4) == row[6] for row in found)
    assert all(
        type(ours) is type(theirs)
        for row, own in zip(found, expected, strict=True)
        for ours, theirs in zip(row[:6], own[:6], strict=True)
    )


def of_minutes(*volumes_and_vwaps: tuple[float, float]) -> Row:
    """The five-minute bar of minutes with these volumes and vwaps."""
    series = Series("AAPL", 5, Timespan.MINUTE, adjusted=True)
    rows: list[Row] = [[60_000 * n, 1, 1, 1, 1, v, vw, 1] for n, (v, vw) in enumerate(volumes_and_vwaps)]
    (row,) = resample(series, rows, 0)
    return row


def test_fractional_volumes_are_summed_exactly() -> None:
    """The upstream has fractions of shares since 2026 (https://github.com/massive-com/client-python/pull/1000)."""
    assert 0.1 + 0.2 != 0.3
    assert of_minutes((0.1, 1), (0.2, 1))[5] == 0.3
    assert of_minutes((1e-6, 1), (1_234_567_890.1, 1), (1e-6, 1))[5] == 1_234_567_890.100002
    whole = of_minutes((0.5, 1), (0.5, 1))[5]
    assert (whole, type(whole)) == (1, int)


@pytest.mark.parametrize(
    ("minutes", "vwap"),
    [
        ([(1, 10), (2, 11)], 10.6667),
        ([(1, 10), (1, 10.0001)], 10.0001),  # half of the last decimal, upwards
        ([(0.1, 1.0001), (0.2, 1.0002)], 1.0002),
        ([(1, 0.123456), (2, 0.123457)], 0.123457),  # as many decimals as the minutes have
        ([(5, 3), (5, 3)], 3),
        ([(0, 3), (0, 3)], None),
    ],
)
def test_a_vwap_has_the_upstreams_decimals(minutes: list[tuple[float, float]], vwap: float | None) -> None:
    found = of_minutes(*minutes)[6]
    assert (found, type(found)) == (vwap, type(vwap))


@given(st.lists(st.tuples(st.decimals(0, 10**9, places=6), st.integers(1, 10**9)), min_size=2, max_size=5))
def test_volume_and_vwap_are_those_of_exact_arithmetic(minutes: list[tuple[Decimal, int]]) -> None:
    found = of_minutes(*((float(volume), price / 10_000) for volume, price in minutes))
    volume, turnover = sum(Fraction(v) for v, _ in minutes), sum(Fraction(v) * p for v, p in minutes)
    assert found[5] == float(volume)
    if volume:
        assert found[6] == int(turnover / volume + Fraction(1, 2)) / 10_000


def test_what_one_minute_lacks_the_whole_lacks() -> None:
    series = Series("AAPL", 5, Timespan.MINUTE, adjusted=True)
    rows: list[Row] = [
        [0, 1, 3, 1, 2, 10, 1.5, 7],
        [60_000, 2, 4, 2, 3, 30, None, 2],
        [300_000, 3, 3, 3, 3, 0.5, 3, None],
    ]
    assert resample(series, rows, 0) == [[0, 1, 4, 1, 3, 40, None, 9], [300_000, 3, 3, 3, 3, 0.5, 3, None]]


@pytest.mark.parametrize(("multiplier", "timespan"), [(1, Timespan.MINUTE), (1, Timespan.DAY), (5, Timespan.SECOND)])
def test_other_bars_are_not_made_of_minutes(multiplier: int, timespan: Timespan) -> None:
    assert minutes_of(Series("AAPL", multiplier, timespan, adjusted=True)) is None


def test_however_many_lengths_are_requested_few_are_kept() -> None:
    page = Page([[60_000 * n, 1, 2, 1, 1, 1, 1, 1] for n in range(60)], delayed=False)
    for multiplier in range(2, 40):
        series = Series("AAPL", multiplier, Timespan.MINUTE, adjusted=True)
        assert resample_cached(series, page, 0) == resample(series, page.rows, 0)
        assert resample_cached(series, page, 0) is resample_cached(series, page, 0)
    assert len(page.resampled) <= MAX_RESAMPLED
