"""Bars through the vendor's clients."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.clients.conftest import Connect, Host

TWO_DAYS = ("2025-11-18", "2025-11-19")


def test_bars_of_some_days(client: Any) -> None:
    bars = client.get_aggs("AAPL", 1, "day", "2025-11-10", "2025-11-21", adjusted=True, sort="asc", limit=50)

    days = [datetime.fromtimestamp(bar.timestamp / 1000, UTC) for bar in bars]
    assert [day.day for day in days] == [10, 11, 12, 13, 14, 17, 18, 19, 20, 21]
    assert {(day.hour, day.minute) for day in days} == {(5, 0)}
    assert all(bar.low <= bar.vwap <= bar.high and 0 < bar.transactions <= bar.volume for bar in bars)


def test_newest_bars_first_on_request(client: Any) -> None:
    forwards = client.get_aggs("AAPL", 1, "hour", *TWO_DAYS, sort="asc", limit=50_000)
    backwards = client.get_aggs("AAPL", 1, "hour", *TWO_DAYS, sort="desc", limit=50_000)

    assert len(forwards) == 32
    assert backwards == forwards[::-1]


def test_bars_not_adjusted_for_a_split(client: Any) -> None:
    week = ("NVDA", 1, "day", "2024-06-03", "2024-06-07")

    ratios = [
        raw.close / adjusted.close
        for raw, adjusted in zip(client.get_aggs(*week, adjusted=False), client.get_aggs(*week), strict=True)
    ]

    assert ratios == pytest.approx([10] * 5, rel=1e-3)


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_pages_to_the_end_are_the_whole(client: Any, sort: str) -> None:
    whole = client.get_aggs("MSFT", 5, "minute", *TWO_DAYS, sort=sort, limit=50_000)
    paged = list(client.list_aggs("MSFT", 5, "minute", *TWO_DAYS, sort=sort, limit=100))

    assert len(whole) > 350
    assert paged == whole


def test_next_page_is_on_the_same_host(client: Any, host: Host) -> None:
    page = client.list_aggs("MSFT", 5, "minute", *TWO_DAYS, limit=100, raw=True).json()
    starts = []
    while True:
        starts.append(page["results"][0]["t"])
        if "next_url" not in page:
            break
        assert urlsplit(page["next_url"])[:2] == urlsplit(host.url)[:2]
        assert host.key not in page["next_url"]
        page = host.follow(page["next_url"])

    assert len(starts) > 3
    assert starts == sorted(set(starts))


def test_limit_counts_the_bars_of_a_page(connect: Connect, dekr: Host) -> None:
    bars = connect(dekr).get_aggs("QQQ", 1, "hour", *TWO_DAYS, limit=5)

    assert len(bars) == 5


def test_one_page_holds_fifty_thousand_bars(connect: Connect, dekr: Host) -> None:
    """``get_aggs`` takes the first page for all there is."""
    bars = connect(dekr).get_aggs("AAPL", 1, "minute", "2025-07-01", "2025-11-21", limit=50_000)

    assert len(bars) == 50_000


@pytest.mark.parametrize("since", [datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01", 0])
def test_the_whole_history(client: Any, since: Any) -> None:
    bars = client.get_aggs("AAPL", 1, "month", since, "2025-11-21", limit=50_000)

    assert datetime.fromtimestamp(bars[0].timestamp / 1000, UTC).year < 2020
    assert len(bars) > 60


def test_bars_by_the_millisecond(client: Any) -> None:
    half_past_two = datetime(2025, 11, 19, 14, 30, tzinfo=UTC)
    from_ms = int(half_past_two.timestamp() * 1000)

    bars = client.get_aggs("AAPL", 1, "minute", from_ms, from_ms + 9 * 60_000)

    assert [bar.timestamp for bar in bars] == [from_ms + minute * 60_000 for minute in range(10)]


def test_close_of_the_day_before(client: Any) -> None:
    (previous,) = client.get_previous_close_agg("BRK.B")
    day = datetime.fromtimestamp(previous.timestamp / 1000, UTC).date()
    (bar,) = client.get_aggs("BRK.B", 1, "day", day, day)

    assert previous.ticker == "BRK.B"
    assert (previous.open, previous.close, previous.volume) == (bar.open, bar.close, bar.volume)


def test_ticker_that_nobody_lists_has_no_bars(client: Any) -> None:
    assert client.get_aggs("NOSUCH", 1, "day", "2025-11-10", "2025-11-21") == []
    assert client.get_previous_close_agg("NOSUCH") == []
