"""The formulas against TA-Lib, against slow and obvious models in exact fractions, and on their own full history."""

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from dekr.market.bars.model import Row
from dekr.market.indicators import formulas
from dekr.market.indicators.study import FORMULAS, Indicator, Price, Study
from local.sandbox import formulas as sandbox

DAYS = 3_000
WINDOWS = [1, 2, 14, 50, 200]
TALIB_WINDOWS = [2, 14, 50, 200]
"""TA-Lib has no EMA and no RSI of one bar."""


def walk(bars: int = DAYS, seed: int = 7) -> list[float]:
    """Prices in cents, as a stock's closes."""
    moves = random.Random(seed)
    prices = [100.0]
    while len(prices) < bars:
        prices.append(round(prices[-1] * (1 + moves.gauss(0.0003, 0.015)), 2))
    return prices


def bars(prices: Sequence[float]) -> list[Row]:
    """Bars of these closes; each starts at its place."""
    return [[at, 0, 0, 0, price, 0, None, None] for at, price in enumerate(prices)]


def macd(prices: Sequence[float], short: int, long: int, signal: int) -> tuple[list[float], list[float], list[float]]:
    """The line, its signal and the histogram."""
    points = formulas.macd(bars(prices), 4, short, long, signal)
    return [line for _, line, _, _ in points], [average for _, _, average, _ in points], [rest for *_, rest in points]


def tail_of(values: Sequence[float], known: "np.ndarray") -> list[float]:
    """TA-Lib's values where it has some; they must be as many as ours."""
    found = known[~np.isnan(known)]
    assert len(found) == len(values)
    return list(found)


@pytest.mark.parametrize("window", TALIB_WINDOWS)
def test_sma_is_talibs(window: int) -> None:
    found = formulas.sma(walk(), window)
    assert found == pytest.approx(tail_of(found, talib.SMA(np.array(walk()), window)), rel=1e-11)


@pytest.mark.parametrize("window", TALIB_WINDOWS)
def test_ema_is_talibs_from_the_first_value_on(window: int) -> None:
    found = formulas.ema(walk(), window)
    assert found == pytest.approx(tail_of(found, talib.EMA(np.array(walk()), window)), rel=1e-12)


@pytest.mark.parametrize("window", TALIB_WINDOWS)
def test_rsi_is_talibs_from_the_first_value_on(window: int) -> None:
    found = formulas.rsi(walk(), window)
    assert found == pytest.approx(tail_of(found, talib.RSI(np.array(walk()), window)), rel=1e-10)


@pytest.mark.parametrize("windows", [(12, 26, 9), (1, 2, 1), (5, 35, 5), (50, 200, 30)])
def test_macd_is_made_of_talibs_emas(windows: tuple[int, int, int]) -> None:
    short, long, signal = windows
    prices = np.array(walk())
    quick = prices if short == 1 else talib.EMA(prices, short)
    lines = (quick - talib.EMA(prices, long))[long - 1 :]
    signals = lines if signal == 1 else talib.EMA(lines, signal)
    line, average, histogram = macd(walk(), *windows)
    assert line == pytest.approx(list(lines[signal - 1 :]), abs=1e-11)
    assert average == pytest.approx(list(signals[signal - 1 :]), abs=1e-11)
    assert histogram == pytest.approx(list((lines - signals)[signal - 1 :]), abs=1e-11)


def test_macd_is_talibs_after_the_unstable_period() -> None:
    """TA-Lib begins the shorter EMA where the longer one begins, the upstream each with its own first window."""
    known = talib.MACD(np.array(walk()), 12, 26, 9)
    for ours, theirs in zip(macd(walk(), 12, 26, 9), known, strict=True):
        assert ours[-2_000:] == pytest.approx(list(theirs[-2_000:]), abs=1e-11)


prices_of_stocks = st.lists(st.integers(1, 10**7).map(lambda cents: cents / 100), min_size=1, max_size=60)


@given(prices_of_stocks, st.integers(1, 20))
def test_sma_is_the_mean_of_each_window(prices: list[float], window: int) -> None:
    exact = [sum(map(Fraction, prices[end - window : end])) / window for end in range(window, len(prices) + 1)]
    assert formulas.sma(prices, window) == pytest.approx([float(value) for value in exact], rel=1e-9)


def averages(values: Sequence[Fraction], window: int, weight: Fraction) -> list[Fraction]:
    """The mean of the first window, and from there a weighted mean of the value and the average before it."""
    if len(values) < window:
        return []
    found = [sum(values[:window], Fraction()) / window]
    for value in values[window:]:
        found.append(weight * value + (1 - weight) * found[-1])
    return found


@given(prices_of_stocks, st.integers(1, 20))
def test_ema_is_its_definition(prices: list[float], window: int) -> None:
    exact = averages([Fraction(price) for price in prices], window, Fraction(2, window + 1))
    assert formulas.ema(prices, window) == pytest.approx([float(value) for value in exact], rel=1e-11)


@given(prices_of_stocks, st.integers(1, 20))
def test_rsi_is_its_definition(prices: list[float], window: int) -> None:
    moves = [Fraction(after) - Fraction(before) for before, after in pairwise(prices)]
    gains, losses = (
        averages([max(sign * move, Fraction()) for move in moves], window, Fraction(1, window)) for sign in (1, -1)
    )
    both = zip(gains, losses, strict=True)
    exact = [100 * gain / (gain + loss) if gain or loss else Fraction() for gain, loss in both]
    assert formulas.rsi(prices, window) == pytest.approx([float(value) for value in exact], rel=1e-9, abs=1e-9)


@given(prices_of_stocks, st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_macd_is_its_definition(prices: list[float], short: int, more: int, signal: int) -> None:
    long, closes = short + more, [Fraction(price) for price in prices]
    slow = averages(closes, long, Fraction(2, long + 1))
    quick = averages(closes, short, Fraction(2, short + 1))[more:]
    lines = [one - other for one, other in zip(quick, slow, strict=True)]
    signals = averages(lines, signal, Fraction(2, signal + 1))
    shown = lines[signal - 1 :]
    line, average, histogram = macd(prices, short, long, signal)
    assert line == pytest.approx([float(value) for value in shown], abs=1e-9)
    assert average == pytest.approx([float(value) for value in signals], abs=1e-9)
    assert histogram == pytest.approx([float(one - other) for one, other in zip(shown, signals, strict=True)], abs=1e-9)


def test_sma_does_not_drift() -> None:
    prices = [price * 7_000 for price in walk(40_000)]  # a share of six figures, for a year of minutes
    found = formulas.sma(prices, 20)
    exact = [float(sum(map(Fraction, prices[end - 20 : end])) / 20) for end in range(39_000, 40_001)]
    assert found[-1_001:] == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("window", WINDOWS)
def test_an_average_of_flat_prices_is_the_price(window: int) -> None:
    assert formulas.sma([12.5] * 300, window) == [12.5] * (301 - window)
    assert formulas.ema([12.5] * 300, window) == pytest.approx([12.5] * (301 - window), rel=1e-14)


def test_windows_of_one_bar_are_the_bar() -> None:
    assert formulas.sma(walk(), 1) == walk()
    assert formulas.ema(walk(), 1) == walk()


def test_rsi_of_one_direction() -> None:
    assert formulas.rsi(list(range(1, 30)), 14) == [100.0] * 15
    assert formulas.rsi(list(range(30, 1, -1)), 14) == [0.0] * 15


@pytest.mark.parametrize("prices", [[5.0] * 20, [5.0] + [5.01] * 500, [5.01] + [5.0] * 500, [5.0, 5.01] + [5.0] * 500])
def test_rsi_of_equal_closes_is_talibs(prices: list[float]) -> None:
    known = [value for value in talib.RSI(np.array(prices), 14) if not np.isnan(value)]
    assert formulas.rsi(prices, 14) == pytest.approx(known, rel=1e-9)
    simulated = sandbox.rsi([round(price * 10_000) for price in prices], 14)
    assert [value for value in simulated if value is not None] == pytest.approx(known, rel=1e-9)


STUDIES = [
    Study(Indicator.SMA, (50,), Price.CLOSE),
    Study(Indicator.SMA, (1_000,), Price.CLOSE),
    Study(Indicator.EMA, (1,), Price.CLOSE),
    Study(Indicator.EMA, (50,), Price.CLOSE),
    Study(Indicator.EMA, (200,), Price.CLOSE),
    Study(Indicator.RSI, (1,), Price.CLOSE),
    Study(Indicator.RSI, (14,), Price.CLOSE),
    Study(Indicator.RSI, (100,), Price.CLOSE),
    Study(Indicator.MACD, (12, 26, 9), Price.CLOSE),
    Study(Indicator.MACD, (50, 200, 30), Price.CLOSE),
]


@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_no_value_before_there_are_enough_bars(study: Study) -> None:
    rows = bars(walk(study.lookback + 1))
    assert study.points(rows[:-1], 0) == []
    ((start, *values),) = study.points(rows, 0)
    assert start == study.lookback
    assert len(values) == len(FORMULAS[study.indicator].fields)


@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_values_from_a_bar_on_are_the_last_of_all_values(study: Study) -> None:
    rows = bars(walk(study.lookback + 120))
    whole = study.points(rows, 0)
    assert [point[0] for point in whole] == list(range(study.lookback, len(rows)))
    for since in (0, study.lookback - 1, study.lookback, study.lookback + 1, len(rows) - 50, len(rows) - 1, len(rows)):
        assert study.points(rows, since) == whole[max(since - study.lookback, 0) :]


@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_bars_before_its_history_do_not_count(study: Study) -> None:
    for seed in range(5):
        prices = walk(study.history_bars + 1, seed)
        before = [price * 9 for price in walk(1_000, seed + 100)]  # another price level altogether
        (_, *alone) = study.points(bars(prices), 0)[-1]
        (_, *whole) = study.points(bars(before + prices), 0)[-1]
        assert alone == pytest.approx(whole, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("window", [2, 14, 50, 1_000])
def test_the_unstable_period_ends_where_a_double_shows_no_difference(window: int) -> None:
    for unstable, ratio in (
        (formulas.ema_unstable_period(window), 1 - 2 / (window + 1)),
        (formulas.rsi_unstable_period(window), 1 - 1 / window),
    ):
        assert ratio**unstable <= formulas.NEGLIGIBLE_WEIGHT < ratio ** (unstable - 1)


@pytest.mark.parametrize("indicator", Indicator)
def test_the_longest_answer_needs_fewer_bars_than_the_bound(indicator: Indicator) -> None:
    windows = {Indicator.MACD: (999, 1_000, 1_000)}.get(indicator, (1_000,))
    assert 5_001 + Study(indicator, windows, Price.CLOSE).history_bars < 50_000
