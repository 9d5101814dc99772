"""The official client reads the indicators, and their values follow from their definitions and the sandbox's own bars."""

from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.contract.sandbox.conftest import CLOSED, Running

HISTORY = ("MSFT", "1/day", "2016-01-01", "2026-11-20")


def closes(running: Running, field: str = "c") -> dict[int, float]:
    """All days of the sandbox, by time."""
    return {bar["t"]: bar[field] for bar in running.bars(*HISTORY)}


def averages(prices: list[float], window: int) -> list[float]:
    """The EMA by its definition, from the first average on."""
    found = [sum(prices[:window]) / window]
    for price in prices[window:]:
        found.append(found[-1] + 2 / (window + 1) * (price - found[-1]))
    return found


def test_the_sma_is_the_average_of_the_last_closes(advanced: Running) -> None:
    advanced.at(CLOSED)
    days = list(closes(advanced).items())
    found = advanced.official.get_sma("MSFT", window=20, timespan="day", limit=3)
    assert [value.timestamp for value in found.values] == [time for time, _ in days[-1:-4:-1]]
    expected = [
        sum(price for _, price in days[end - 20 : end]) / 20 for end in (len(days), len(days) - 1, len(days) - 2)
    ]
    assert [value.value for value in found.values] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_ema_begins_with_an_sma(advanced: Running, order: str) -> None:
    advanced.at(CLOSED)
    prices = list(closes(advanced, "h").values())
    options = {"window": 10, "series_type": "high", "order": order}
    found = advanced.official.get_ema("MSFT", **options, limit=5_000).values
    values = [value.value for value in found]
    assert values[:: 1 if order == "asc" else -1] == pytest.approx(averages(prices, 10), rel=1e-12)


def test_the_macd_has_its_signal_and_the_difference(advanced: Running) -> None:
    advanced.at(CLOSED)
    prices = list(closes(advanced).values())
    long = averages(prices, 26)
    lines = [quick - slow for quick, slow in zip(averages(prices, 12)[-len(long) :], long, strict=True)]
    signals = averages(lines, 9)
    found = advanced.official.get_macd("MSFT", limit=50).values
    assert [value.value for value in found] == pytest.approx(lines[:-51:-1], abs=1e-9)
    assert [value.signal for value in found] == pytest.approx(signals[:-51:-1], abs=1e-9)
    assert all(value.histogram == value.value - value.signal for value in found)


def test_the_rsi_is_wilders(advanced: Running) -> None:
    advanced.at(CLOSED)
    prices = list(closes(advanced).values())
    moves = [later - earlier for earlier, later in pairwise(prices)]
    gain, loss = (sum(max(sign * move, 0) for move in moves[:14]) / 14 for sign in (1, -1))
    for move in moves[14:]:
        gain, loss = gain + (max(move, 0) - gain) / 14, loss + (max(-move, 0) - loss) / 14
    found = advanced.official.get_rsi("MSFT", limit=1)
    assert found.values[0].value == pytest.approx(100 - 100 / (1 + gain / loss), abs=1e-9)


def test_ten_of_fifty_days_are_usual(advanced: Running) -> None:
    usual = advanced.official.get_sma("AAPL")
    assert len(usual.values) == 10
    assert usual == advanced.official.get_sma(
        "AAPL", timespan="day", window=50, series_type="close", order="desc", limit=10
    )


def test_the_underlying_bars_are_named_and_shown_on_request(advanced: Running) -> None:
    advanced.at(CLOSED)
    plain = advanced.official.get_sma("AAPL", window=5, limit=2).underlying
    assert plain.aggregates == []
    shown = advanced.official.get_sma("AAPL", window=5, limit=2, expand_underlying=True).underlying
    assert shown.url == plain.url
    fetched = advanced.get(urlsplit(shown.url).path, sort="asc")["results"]
    assert [bar.timestamp for bar in shown.aggregates] == [bar["t"] for bar in fetched]
    assert [bar.close for bar in shown.aggregates] == [bar["c"] for bar in fetched]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("kind", ["sma", "ema", "macd", "rsi"])
def test_pages_are_the_values_of_one_page(advanced: Running, kind: str, order: str) -> None:
    advanced.at(CLOSED)
    path = f"/v1/indicators/{kind}/AAPL"
    options = {"timespan": "hour", "order": order, "timestamp.gte": "2026-11-19", "timestamp.lte": "2026-11-20"}
    whole = advanced.get(path, **options, limit=5_000)
    assert "next_url" not in whole
    values = whole["results"]["values"]
    answer = advanced.get(path, **options, limit=7)
    paged = answer["results"]["values"]
    while "next_url" in answer:
        answer = advanced.get(answer["next_url"])
        paged += answer["results"]["values"]
    assert len(values) == 32
    assert [value["timestamp"] for value in paged] == [value["timestamp"] for value in values]
    for name in set(values[0]):
        assert [value[name] for value in paged] == pytest.approx([value[name] for value in values], abs=1e-9)


def test_a_bar_that_begins_before_the_range_has_no_value(advanced: Running) -> None:
    advanced.at(CLOSED)
    path, half_past = "/v1/indicators/ema/AAPL", 1_795_186_800_000 + 1_800_000
    options = {"timespan": "hour", "window": 3, "limit": 5_000, "timestamp.gte": half_past}
    upwards = advanced.get(path, **options, order="asc")["results"]["values"]
    assert upwards[0]["timestamp"] == half_past + 1_800_000
    downwards = advanced.get(path, **options)["results"]["values"]
    assert [value["timestamp"] for value in downwards[::-1]] == [value["timestamp"] for value in upwards]
    assert [value["value"] for value in downwards[::-1]] == pytest.approx([value["value"] for value in upwards])


def test_values_begin_where_there_are_enough_bars(advanced: Running) -> None:
    path, options = "/v1/indicators/sma/AAPL", {"timespan": "month", "order": "asc"}
    values = advanced.get(path, **options, window=12)["results"]["values"]
    months = advanced.bars("AAPL", "1/month", "2016-01-01", "2017-01-31")
    assert values[0]["timestamp"] == months[11]["t"]
    assert "values" not in advanced.get(path, **options, window=1_000)["results"]


def test_adjusted_and_raw_prices_differ_before_a_split(advanced: Running) -> None:
    options = {"window": 1, "timestamp": "2020-08-28"}
    (raw,) = advanced.official.get_sma("AAPL", **options, adjusted=False).values
    (adjusted,) = advanced.official.get_sma("AAPL", **options).values
    assert raw.value == pytest.approx(4 * adjusted.value)


def test_an_unknown_ticker_has_no_values(advanced: Running) -> None:
    found = advanced.official.get_rsi("NOSUCH")
    assert found.values == []
    assert "/NOSUCH/" in found.underlying.url
