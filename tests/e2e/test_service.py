"""The service over HTTP, as deployed: the whole way from the edge to the sandbox Polygon."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S


def test_quote_has_a_bid_below_the_ask_and_says_how_fresh_it_is(cloud: LocalCloud) -> None:
    answer = cloud.get("/quote/PFE")

    quote = answer.json()
    assert answer.status_code == 200
    assert set(quote) == {"symbol", "bid", "ask", "bid_size", "ask_size", "timestamp"}
    assert quote["symbol"] == "PFE"
    assert quote["bid"] <= quote["ask"]
    assert datetime.fromisoformat(quote["timestamp"]).tzinfo is not None
    assert int(answer.headers["age"]) >= 0
    assert answer.headers["cache-control"].startswith("private, max-age=")
    assert answer.headers["cache-status"].startswith("dekr;")
    # The warm function may expect requests for tickers of earlier tests; it then fetches the whole market for this quote.
    assert answer.headers["x-data-source"] in ("nbbo", "snapshot")
    assert answer.headers["ratelimit"]


def test_second_reader_of_another_tier_costs_no_upstream_call(cloud: LocalCloud) -> None:
    assert cloud.get("/quote/MSFT", tier=5).status_code == 200
    before = _upstream_calls(cloud)

    answer = cloud.get("/quote/MSFT", tier=1)

    assert answer.status_code == 200
    assert "hit" in answer.headers["cache-status"]
    assert _upstream_calls(cloud) == before


def test_bars_are_as_many_as_requested_oldest_first(cloud: LocalCloud) -> None:
    answer = cloud.get("/market-data/AAPL?timespan=minute&limit=10")

    bars = answer.json()
    assert answer.status_code == 200
    assert len(bars) == 10
    assert [bar["timestamp"] for bar in bars] == sorted(bar["timestamp"] for bar in bars)
    assert all(bar["low"] <= bar["open"] <= bar["high"] for bar in bars)


def test_answer_is_compressed_for_a_caller_who_accepts_it(cloud: LocalCloud) -> None:
    key = {"x-api-key": cloud.said["api_keys"]["7"], "accept-encoding": "gzip"}
    with cloud.http.stream("GET", "/market-data/AAPL?limit=100", headers=key) as answer:
        sent = b"".join(answer.iter_raw())

    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent).startswith(b"[")


def test_health_is_open_to_all(cloud: LocalCloud) -> None:
    answer = cloud.get("/health", tier=None)

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/quote/AAPL"),
        ({"x-api-key": "dk_local_not-a-key"}, "/quote/AAPL"),
        ({"authorization": "Bearer dk_local_not-a-key"}, "/market-data/AAPL"),
        ({}, "/quote/AAPL?apiKey=dk_local_not-a-key"),
    ],
)
def test_nobody_gets_in_without_a_right_key(cloud: LocalCloud, headers: dict[str, str], path: str) -> None:
    answer = cloud.get(path, tier=None, **headers)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_key_is_accepted_in_each_of_its_three_places(cloud: LocalCloud) -> None:
    key = cloud.said["api_keys"]["3"]

    answers = [
        cloud.get("/quote/AAPL", tier=3),
        cloud.get("/quote/AAPL", tier=None, authorization=f"Bearer {key}"),
        cloud.get(f"/quote/AAPL?apiKey={key}", tier=None),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_unknown_route_and_unknown_ticker_are_404(cloud: LocalCloud) -> None:
    unrouted = cloud.get("/quotes/AAPL")
    assert (unrouted.status_code, unrouted.json()["code"]) == (404, "not_found")
    assert unrouted.headers["content-type"] == "application/problem+json"
    unknown = cloud.get("/quote/ZZZZQ")
    assert unknown.status_code == 404
    assert unknown.json()["code"] == "unknown_symbol"


def test_escaped_path_and_repeated_parameter_reach_the_function_as_sent(cloud: LocalCloud) -> None:
    escaped = httpx.Request("GET", cloud.said["http"], extensions={"target": b"/quote/A%2e%2e"})
    escaped.headers["x-api-key"] = cloud.said["api_keys"]["7"]

    assert cloud.http.send(escaped).status_code == 422
    assert cloud.get("/quote/AAPL?tier=1&tier=1").status_code == 422


def test_head_other_methods_and_a_slash_at_the_end(cloud: LocalCloud) -> None:
    key = {"x-api-key": cloud.said["api_keys"]["7"]}
    for path in ("/health", "/quote/AAPL", "/v2/last/nbbo/AAPL"):
        head = cloud.http.head(path, headers=key)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == "application/json"
        refused = cloud.http.put(path, headers=key)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    slash = cloud.http.get("/market-calendar/?from=2026-11-24&to=2026-11-30", headers=key)
    assert (slash.status_code, slash.headers["location"]) == (308, "/market-calendar?from=2026-11-24&to=2026-11-30")
    followed = cloud.http.get("/market-calendar/?from=2026-11-24&to=2026-11-30", headers=key, follow_redirects=True)
    assert (followed.status_code, len(followed.json())) == (200, 7)
    assert cloud.http.get("/", follow_redirects=True).headers["content-type"].startswith("text/html")
    unserved = cloud.get("/stocks/v1/short-interest")
    assert (unserved.status_code, unserved.json()["status"]) == (404, "ERROR")


def test_next_page_is_at_the_address_that_the_stack_says_whatever_host_was_sent(cloud: LocalCloud) -> None:
    answer = cloud.get("/v3/reference/tickers?limit=2", host="evil.example")
    assert answer.json()["next_url"].startswith(f"{cloud.said['http']}/v3/reference/tickers?")


def test_concurrent_requests_are_all_answered(cloud: LocalCloud) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cloud.get("/quote/NVDA"), range(8)))

    assert {answer.status_code for answer in answers} == {200}


def _upstream_calls(cloud: LocalCloud) -> int:
    total: int = httpx.get(f"{cloud.said['sandbox']}/_control/calls", trust_env=False, timeout=HANG_S).json()["total"]
    return total


def test_pages_of_allowed_origins_may_call_and_no_others(cloud: LocalCloud) -> None:
    requested = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key,content-type"}
    preflight = cloud.http.options("/quotes/batch", headers={"origin": "http://localhost:3000", **requested})
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert {"x-api-key", "content-type"} <= set(preflight.headers["access-control-allow-headers"].split(","))
    answer = cloud.http.get("/health", headers={"origin": "http://localhost:3000"})
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "ratelimit" in answer.headers["access-control-expose-headers"]

    stranger = cloud.http.options("/quotes/batch", headers={"origin": "https://other.example", **requested})
    assert "access-control-allow-origin" not in stranger.headers
