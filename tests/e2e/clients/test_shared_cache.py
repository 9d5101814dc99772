"""Dekr's own routes and Polygon's share what is cached, and say how fresh it is in the same headers."""

from collections.abc import Callable

import pytest

from tests.e2e.clients.conftest import Connect, Host
from tests.e2e.stacks import LocalCloud

HEADERS = {"age", "cache-control", "cache-status", "ratelimit", "ratelimit-policy", "x-request-id"}


@pytest.mark.usefixtures("clean_slate")
def test_quote_that_was_read_costs_the_vendors_client_no_call(
    cloud: LocalCloud, connect: Connect, dekr: Host, calls: Callable[[], int]
) -> None:
    quote = cloud.get("/quote/INTC").json()
    before = calls()

    last = connect(dekr).get_last_quote("INTC")

    assert calls() == before
    assert (last.bid_price, last.ask_price, last.bid_size) == (quote["bid"], quote["ask"], quote["bid_size"])


@pytest.mark.usefixtures("clean_slate")
def test_quote_of_the_vendors_client_costs_the_next_reader_no_call(
    cloud: LocalCloud, connect: Connect, dekr: Host, calls: Callable[[], int]
) -> None:
    last = connect(dekr).get_last_quote("ORCL")
    before = calls()

    answer = cloud.get("/quote/ORCL", tier=1)

    assert calls() == before
    assert "hit" in answer.headers["cache-status"]
    assert (answer.json()["bid"], answer.json()["ask"]) == (last.bid_price, last.ask_price)


@pytest.mark.usefixtures("clean_slate")
def test_bars_that_were_read_cost_the_vendors_client_no_call(
    cloud: LocalCloud, connect: Connect, dekr: Host, calls: Callable[[], int]
) -> None:
    own = cloud.get("/market-data/WMT?timespan=day&from=2025-10-01&to=2025-11-21&limit=50").json()
    before = calls()

    bars = connect(dekr).get_aggs("WMT", 1, "day", "2025-10-06", "2025-11-14")

    assert calls() == before
    assert {bar.close for bar in bars} < {bar["close"] for bar in own}


@pytest.mark.usefixtures("clean_slate")
def test_indicator_on_cached_bars_costs_no_call(connect: Connect, dekr: Host, calls: Callable[[], int]) -> None:
    client = connect(dekr)
    client.get_aggs("KO", 1, "day", "2024-01-02", "2025-11-21", limit=50_000)
    before = calls()

    found = client.get_sma("KO", window=20, timestamp_gte="2025-10-01", timestamp_lte="2025-11-21")

    assert len(found.values) == 10
    assert calls() == before


@pytest.mark.parametrize(
    "path",
    [
        "/v2/last/nbbo/AAPL",
        "/v2/last/trade/AAPL",
        "/v2/aggs/ticker/AAPL/prev",
        "/v2/aggs/ticker/AAPL/range/1/day/2025-11-10/2025-11-21",
        "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL",
        "/v3/snapshot?ticker.any_of=AAPL,MSFT",
        "/v1/indicators/sma/AAPL",
        "/v2/reference/news?ticker=AAPL",
    ],
)
def test_answers_say_how_fresh_they_are(cloud: LocalCloud, path: str) -> None:
    answer = cloud.get(path)

    assert answer.status_code == 200
    assert set(answer.headers) >= HEADERS
    assert answer.headers["cache-control"].startswith("private, max-age=")
