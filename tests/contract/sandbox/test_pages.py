"""The parameter ``limit``, the sequence of pages, and the windows of bars behave as the vendor documents."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.contract.sandbox.conftest import CLOSED, Running
from tests.patience import HANG_S

HOUR_MS = 3_600_000
MONDAY_MS = 1_794_805_200_000
"""2026-11-16, 00:00 in New York."""


def test_the_limit_counts_minutes_under_hour_bars(advanced: Running) -> None:
    answer = advanced.get("/v2/aggs/ticker/AAPL/range/1/hour/2026-11-19/2026-11-19", limit=100)
    assert (answer["resultsCount"], answer["count"], len(answer["results"])) == (1, 1, 1)
    assert 50 < answer["queryCount"] <= 60


def test_the_limit_counts_days_under_week_bars(advanced: Running) -> None:
    answer = advanced.get("/v2/aggs/ticker/AAPL/range/1/week/2026-10-05/2026-11-13", limit=11)
    assert (answer["resultsCount"], answer["queryCount"]) == (2, 10)


def test_five_thousand_base_bars_are_usual(advanced: Running) -> None:
    answer = advanced.get("/v2/aggs/ticker/AAPL/range/1/minute/2026-11-02/2026-11-19")
    assert answer["resultsCount"] == answer["queryCount"] == 5_000
    assert "next_url" in answer


def test_the_next_page_begins_at_the_next_bar(advanced: Running) -> None:
    path = "/v2/aggs/ticker/AAPL/range/1/day/2026-11-09/2026-11-20"
    first = advanced.get(path, limit=3, adjusted="false")
    following = urlsplit(first["next_url"])
    assert set(parse_qs(following.query)) == {"cursor"}
    second = advanced.get(first["next_url"])
    assert second["adjusted"] is False
    assert [bar["t"] for bar in first["results"] + second["results"]] == [
        bar["t"] for bar in advanced.bars("AAPL", "1/day", "2026-11-09", "2026-11-20")[:6]
    ]


def test_newest_first_is_the_same_reversed(advanced: Running) -> None:
    advanced.at(CLOSED)
    for window in ("7/minute", "1/day", "2/month"):
        upwards = advanced.bars("MSFT", window, "2026-11-18", "2026-11-20")
        assert advanced.bars("MSFT", window, "2026-11-18", "2026-11-20", sort="desc") == upwards[::-1]


def test_windows_lie_where_they_lie_whatever_range_is_requested(advanced: Running) -> None:
    for window in ("7/minute", "5/hour", "3/day", "2/week", "5/month", "3/quarter", "2/year"):
        advanced.at("2026-11-20T23:00:00Z")
        long = {bar["t"]: bar for bar in advanced.bars("AAPL", window, "2026-10-12", "2026-11-20")}
        for day in ("2026-10-13", "2026-10-30", "2026-11-03"):
            for bar in advanced.bars("AAPL", window, day, day):
                assert bar["t"] <= max(long)
                assert long.get(bar["t"], bar)["o"] == bar["o"]


def test_a_range_is_stretched_to_whole_windows(advanced: Running) -> None:
    (week,) = advanced.bars("AAPL", "1/week", "2026-11-11", "2026-11-12")
    days = advanced.bars("AAPL", "1/day", "2026-11-08", "2026-11-14")
    assert week["t"] == days[0]["t"] - 24 * HOUR_MS
    assert (week["o"], week["c"], week["v"]) == (days[0]["o"], days[-1]["c"], sum(day["v"] for day in days))
    begins = MONDAY_MS + 10 * HOUR_MS
    hours = advanced.bars("AAPL", "1/hour", str(begins + 1), str(begins + HOUR_MS))
    assert [bar["t"] for bar in hours] == [begins, begins + HOUR_MS]


def test_longer_bars_begin_at_their_first_day(advanced: Running) -> None:
    starts = {
        "week": "2026-11-15T05:00:00Z",
        "month": "2026-11-01T04:00:00Z",
        "quarter": "2026-10-01T04:00:00Z",
        "year": "2026-01-01T05:00:00Z",
    }
    for timespan, start in starts.items():
        (bar,) = advanced.bars("AAPL", f"1/{timespan}", "2026-11-20", "2026-11-20")
        advanced.at(start)
        assert bar["t"] == advanced.sandbox.clock.now_us() // 1_000_000 * 1000
        advanced.at("2026-11-20T15:00:30Z")


def test_universal_snapshots_are_ten_to_a_page(advanced: Running) -> None:
    first = advanced.get("/v3/snapshot")
    second = advanced.get(first["next_url"])
    names = [item["ticker"] for item in first["results"] + second["results"]]
    assert len(names) == 20
    assert names == sorted(set(names))


@pytest.mark.parametrize(
    ("path", "plain", "sent"),
    [
        ("/v2/aggs/ticker/AAPL/range/1/day/2026-11-09/2026-11-20", "adjusted=false", "&adjusted=False&"),
        ("/v1/indicators/sma/AAPL", "expand_underlying=true", "expand_underlying=TRUE"),
        ("/v1/indicators/sma/AAPL", "limit=5000", "limit=5001"),
        ("/v3/reference/tickers", "active=false&limit=1000", "active=False&limit=2000&type=&ticker="),
        ("/v2/reference/news", "published_utc.gte=2026-11-20T10:00:00Z", "published_utc.gte=1795168800000"),
        ("/v3/trades/AAPL", "timestamp.lt=1795168800000000000", "timestamp.lt=2026-11-20T05:00:00-05:00"),
        ("/v3/snapshot", "ticker.any_of=AAPL,MSFT", "ticker.any_of=AAPL,%20MSFT,"),
        ("/v2/snapshot/locale/us/markets/stocks/tickers", "tickers=AAPL,MSFT", "tickers=%20AAPL%20,,MSFT,"),
    ],
)
def test_requests_are_taken_as_the_vendors_users_send_them(advanced: Running, path: str, plain: str, sent: str) -> None:
    advanced.at(CLOSED)
    expected, found = (advanced.get(f"{path}?{query}") for query in (plain, sent))
    for answer in (expected, found):
        answer.pop("request_id")
        answer.pop("next_url", None)
    assert found == expected
    key = advanced.sandbox.key
    bare = httpx.get(f"{advanced.http.base_url}{path}?{plain}&apikey={key}", timeout=HANG_S)
    assert bare.status_code == 200
