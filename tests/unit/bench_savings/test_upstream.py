"""The counting upstream serves the real client: prices tell when they were handed out, and every call is counted."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bench.savings.clock import Clock
from bench.savings.newsroom import newsroom
from bench.savings.trace import START_US
from bench.savings.upstream import (
    LATENCY_US,
    MARKET_LATENCY_US,
    UNIVERSAL_BYTES,
    WAY_US,
    CountingUpstream,
    Counts,
    true_until_us,
)
from dekr.deadline import Deadline
from dekr.polygon.client import PolygonClient
from dekr.polygon.failures import NotEntitled
from dekr.polygon.transport import Transport
from local.sandbox.universe import tickers
from tests.fakes.polygon_transport import FakeCall, FakeTime

NOON_US = START_US + 8 * 3_600_000_000
READ_US = NOON_US + WAY_US
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON_US)


@pytest.fixture
def upstream(clock: Clock) -> CountingUpstream:
    return CountingUpstream(clock)


@pytest.fixture
def client(upstream: CountingUpstream, clock: Clock) -> PolygonClient:
    http = httpx.Client(base_url="http://upstream.test", transport=upstream)
    transport = Transport(http, lambda: "fake-key", FakeTime().monotonic)
    return PolygonClient(transport, clock.now_us, lambda: 0.0, lambda _: None)


@pytest.fixture
def call() -> FakeCall:
    return FakeCall(Deadline.after(20, FakeTime().monotonic))


def test_a_quote_tells_when_it_was_handed_out_and_takes_its_time(
    upstream: CountingUpstream, client: PolygonClient, clock: Clock, call: FakeCall
) -> None:
    first, second = client.last_nbbo("AAPL", call), client.last_nbbo("AAPL", call)
    assert first is not None
    assert second is not None
    assert first.fields["p"] == READ_US
    assert second.fields["p"] == READ_US + LATENCY_US
    assert clock.now_us() == NOON_US + 2 * LATENCY_US
    counts = upstream.counts
    assert (counts.calls, counts.symbols, counts.busiest_second) == (2, 2, 2)


def test_the_whole_market_is_one_call_with_every_ticker(
    upstream: CountingUpstream, client: PolygonClient, clock: Clock, call: FakeCall
) -> None:
    found = client.market(call).snapshots
    assert [snapshot.ticker for snapshot in found] == list(tickers())
    assert {snapshot.quote.fields["p"] for snapshot in found if snapshot.quote} == {READ_US}
    assert clock.now_us() == NOON_US + MARKET_LATENCY_US
    assert (upstream.counts.calls, upstream.counts.symbols) == (1, 10_000)


def test_the_universal_snapshot_has_what_was_requested(
    upstream: CountingUpstream, client: PolygonClient, call: FakeCall
) -> None:
    found = client.universal(["AAPL", "MSFT"], call)
    assert [(snapshot.ticker, snapshot.quote and snapshot.quote.fields["p"]) for snapshot in found] == [
        ("AAPL", READ_US),
        ("MSFT", READ_US),
    ]
    assert (upstream.counts.symbols, upstream.counts.bytes) == (2, 2 * UNIVERSAL_BYTES)


def test_a_plan_without_the_market_snapshot_refuses_it_and_the_refusal_counts(
    upstream: CountingUpstream, client: PolygonClient, clock: Clock, call: FakeCall
) -> None:
    upstream.market = False
    with pytest.raises(NotEntitled):
        client.market(call)
    with pytest.raises(NotEntitled):
        client.snapshots(["AAPL"], call)
    assert (upstream.counts.kinds, upstream.counts.symbols) == ({"refused": 2}, 0)
    assert clock.now_us() == NOON_US + 2 * LATENCY_US
    assert upstream.quoted_before("AAPL", clock.now_us()) == 0
    assert len(client.universal(["AAPL"], call)) == 1


@pytest.mark.parametrize(
    ("multiplier", "timespan"), [(1, "minute"), (5, "minute"), (1, "hour"), (1, "day"), (1, "month")]
)
def test_the_newest_bar_closes_at_the_moment_of_the_call(
    client: PolygonClient, call: FakeCall, multiplier: int, timespan: str
) -> None:
    now_ms = NOON_US // 1000
    bars = client.aggs("AAPL", multiplier, timespan, now_ms - 90 * DAY_MS, now_ms, call, adjusted=True).bars
    assert bars[-1].c == READ_US
    assert bars[-1].t <= now_ms
    assert all(bar.c == 1 for bar in bars[:-1])


def fetch_news(client: PolygonClient, call: FakeCall, **parameters: str) -> Any:
    return client.transport.get("/v2/reference/news", parameters, call.deadline, 5.0).body


def test_a_tickers_news_are_those_that_can_be_found(client: PolygonClient, call: FakeCall) -> None:
    shown = [int(article["id"]) for article in fetch_news(client, call, ticker="AAPL", limit="10")["results"]]
    assert len(shown) == 10
    assert newsroom().true_until_us("AAPL", shown, READ_US) == READ_US


def test_an_answer_without_an_article_was_true_until_that_could_be_found(client: PolygonClient, call: FakeCall) -> None:
    shown = [int(article["id"]) for article in fetch_news(client, call, ticker="AAPL", limit="10")["results"]]
    articles = newsroom().about["AAPL"]
    later = next(article for article in articles if article.published_us > READ_US)
    assert newsroom().true_until_us("AAPL", shown, later.found_us + 5) <= later.found_us
    assert newsroom().true_until_us("AAPL", shown, READ_US + 1) == READ_US + 1


def test_the_feed_has_all_news_since_a_moment_over_its_pages(client: PolygonClient, call: FakeCall) -> None:
    body = fetch_news(client, call, **{"published_utc.gte": "2026-11-18T00:00:00Z", "limit": "1000"})
    found = [int(article["id"]) for article in body["results"]]
    assert len(found) == 1_000
    while "next_url" in body:
        body = fetch_news(client, call, cursor=httpx.URL(body["next_url"]).params["cursor"])
        found += [int(article["id"]) for article in body["results"]]
    since_us = int(datetime(2026, 11, 18, tzinfo=UTC).timestamp()) * 1_000_000
    there = [a.number for a in newsroom().articles if a.published_us >= since_us and a.found_us <= READ_US]
    assert found == there[::-1]


def test_a_call_for_all_news_is_counted_apart(
    upstream: CountingUpstream, client: PolygonClient, call: FakeCall
) -> None:
    fetch_news(client, call, ticker="AAPL", limit="10")
    fetch_news(client, call, **{"published_utc.gte": "2026-11-20T14:00:00Z", "limit": "1000"})
    assert upstream.counts.kinds == {"news": 1, "news feed": 1}


def test_a_price_is_never_older_than_the_stamp_of_a_slow_round_trip(
    client: PolygonClient, clock: Clock, call: FakeCall
) -> None:
    clock.saw(50_000)
    clock.saw(100)  # a quick one before the call is made
    found = client.last_nbbo("AAPL", call)
    assert found is not None
    assert found.fields["p"] == NOON_US + 50_000
    assert clock.now_us() == NOON_US + LATENCY_US


def test_a_quote_counts_as_seen_once_its_call_has_ended(
    upstream: CountingUpstream, client: PolygonClient, call: FakeCall
) -> None:
    client.last_nbbo("AAPL", call)
    assert upstream.quoted_before("AAPL", NOON_US + LATENCY_US - 1) == 0
    assert upstream.quoted_before("AAPL", NOON_US + LATENCY_US) == READ_US
    assert upstream.quoted_before("MSFT", NOON_US + LATENCY_US) == 0
    client.market(call)
    end_us = NOON_US + LATENCY_US + MARKET_LATENCY_US
    assert upstream.quoted_before("AAPL", end_us) == upstream.quoted_before("MSFT", end_us) == READ_US + LATENCY_US


def test_the_minutes_of_an_hour_add_up_to_it(client: PolygonClient, call: FakeCall) -> None:
    first_ms = NOON_US // 1000 - DAY_MS
    hour = client.aggs("AAPL", 1, "hour", first_ms, first_ms, call, adjusted=True).bars[0]
    minutes = client.aggs("AAPL", 1, "minute", first_ms, first_ms + 3_599_999, call, adjusted=True).bars
    assert hour.t == minutes[0].t
    assert (hour.v, hour.n) == (sum(bar.v for bar in minutes), len(minutes))


def test_calls_of_one_second_are_counted_wherever_it_begins() -> None:
    counts = Counts(moments_us=[0, 900_000, 1_000_000, 1_850_000, 3_000_000])
    assert counts.busiest_second == 3


MIDNIGHT_MS = START_US // 1000 - 4 * 3_600_000
EVENING_US = START_US - 8 * 3_600_000_000


@pytest.mark.parametrize(
    ("timespan", "multiplier", "start_ms", "close", "until_us"),
    [
        ("day", 1, MIDNIGHT_MS, NOON_US, NOON_US),
        ("minute", 1, START_US // 1000, NOON_US, NOON_US),
        # The last bar of the day before, read when it had ended: true until the first trade.
        ("day", 1, MIDNIGHT_MS - DAY_MS, 1, START_US - 1),
        ("day", 1, MIDNIGHT_MS - DAY_MS, EVENING_US + 1, START_US - 1),
        ("minute", 5, EVENING_US // 1000 - 300_000, 1, START_US - 1),
        # Read before the day had ended, or not its last one, or of another day: as old as it says.
        ("day", 1, MIDNIGHT_MS - DAY_MS, EVENING_US - 1, EVENING_US - 1),
        ("minute", 5, EVENING_US // 1000 - 600_000, 1, 1),
        ("day", 1, MIDNIGHT_MS - 2 * DAY_MS, 1, 1),
    ],
)
def test_until_when_the_newest_bar_was_the_newest(
    timespan: str, multiplier: int, start_ms: int, close: int, until_us: int
) -> None:
    assert true_until_us(timespan, multiplier, [start_ms, 1, 1, 1, close, 1, 1, 1]) == until_us
