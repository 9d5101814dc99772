"""Indicators through the vendor's clients."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.clients.conftest import Host

PERIOD = {"timestamp_gte": "2025-09-02", "timestamp_lte": "2025-11-21"}
DAYS = 59
"""Trading days in it."""

INDICATORS = {
    "get_sma": {"window": 20},
    "get_ema": {"window": 20},
    "get_macd": {"short_window": 12, "long_window": 26, "signal_window": 9},
    "get_rsi": {"window": 14},
}
EACH = pytest.mark.parametrize("name", INDICATORS)


@EACH
def test_pages_to_the_end_are_the_whole(client: Any, host: Host, name: str) -> None:
    call, words = getattr(client, name), {**INDICATORS[name], **PERIOD, "timespan": "day"}

    whole = call("AAPL", **words, limit=5000).values
    page = call("AAPL", **words, limit=25, raw=True).json()
    paged = page["results"]["values"]
    while "next_url" in page:
        assert urlsplit(page["next_url"])[:2] == urlsplit(host.url)[:2]
        page = host.follow(page["next_url"])
        paged += page["results"]["values"]

    times = [value.timestamp for value in whole]
    assert len(times) == DAYS
    assert times == sorted(times, reverse=True)
    assert [value["timestamp"] for value in paged] == times
    assert [value["value"] for value in paged] == pytest.approx([value.value for value in whole], rel=1e-9)


def test_simple_average_is_the_mean_of_the_closes(client: Any) -> None:
    found = client.get_sma("AAPL", timespan="day", window=5, timestamp="2025-11-21", expand_underlying=True)
    bars = client.get_aggs("AAPL", 1, "day", "2025-11-17", "2025-11-21")

    (value,) = found.values
    assert value.timestamp == bars[-1].timestamp
    assert value.value == pytest.approx(sum(bar.close for bar in bars) / 5, rel=1e-9)
    assert bars[-1].close in [bar.close for bar in found.underlying.aggregates]


def test_histogram_is_the_line_less_its_signal(client: Any) -> None:
    values = client.get_macd("AAPL", **PERIOD).values

    assert len(values) == 10
    assert all(each.histogram == pytest.approx(each.value - each.signal, abs=1e-9) for each in values)


def test_relative_strength_stays_between_0_and_100(client: Any) -> None:
    values = client.get_rsi("AAPL", timespan="hour", order="asc", limit=50, **PERIOD).values

    assert len(values) == 50
    assert all(0 < each.value < 100 for each in values)
    assert [each.timestamp for each in values] == sorted(each.timestamp for each in values)


def test_open_instead_of_the_close(client: Any) -> None:
    found = client.get_ema("AAPL", window=1, series_type="open", timestamp="2025-11-21")
    (bar,) = client.get_aggs("AAPL", 1, "day", "2025-11-21", "2025-11-21")

    assert [each.value for each in found.values] == [bar.open]


@EACH
def test_both_hosts_agree(connect: Any, upstream: Host, dekr: Host, name: str) -> None:
    theirs, ours = (
        getattr(connect(each), name)("MSFT", timespan="day", limit=100, **INDICATORS[name], **PERIOD).values
        for each in (upstream, dekr)
    )

    assert [value.timestamp for value in ours] == [value.timestamp for value in theirs]
    for field in vars(theirs[0]):
        expected = [getattr(value, field) for value in theirs]
        assert [getattr(value, field) for value in ours] == pytest.approx(expected, rel=1e-9)


def test_underlying_bars_are_on_the_same_host(client: Any, host: Host) -> None:
    underlying = client.get_sma("AAPL", window=5, **PERIOD).underlying

    assert urlsplit(underlying.url)[:2] == urlsplit(host.url)[:2]
    assert host.follow(underlying.url)["results"]
