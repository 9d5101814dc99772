"""Refusals on the Polygon-compatible routes have Polygon's shape, so that its clients understand them."""

import pytest

from tests.markets import Market

PATHS = ("/v2/last/nbbo/AAPL", "/v2/aggs/ticker/AAPL/prev", "/v3/snapshot?ticker.any_of=AAPL", "/v1/marketstatus/now")


@pytest.mark.parametrize("path", PATHS)
def test_who_is_nobody(night: Market, path: str) -> None:
    for headers in ({}, {"x-api-key": "junk"}, {"authorization": "Bearer junk"}):
        answer = night.world.get(path, headers=headers)
        assert (answer.status, answer.json["status"]) == (401, "ERROR")
        assert set(answer.json) == {"status", "request_id", "error"}
        assert answer.headers["Content-Type"] == "application/json"
    assert night.world.get(path, headers={"x-api-key": "junk"}).json["error"] == "Unknown API Key"
    assert night.calls == 0


@pytest.mark.parametrize("path", PATHS)
def test_who_requests_too_often_learns_when_to_come_back(night: Market, path: str) -> None:
    key = night.world.key(1)
    answer = night.world.get(path, key)
    while answer.status == 200:
        answer = night.world.get(path, key)
    assert (answer.status, answer.json["status"]) == (429, "ERROR")
    wait_s = int(answer.headers["Retry-After"])
    assert 1 <= wait_s <= 2
    night.later(wait_s)
    assert night.world.get(path, key).status == 200


def test_a_spent_day_names_no_wait_that_a_client_would_hang_in(night: Market) -> None:
    key = night.world.key(1)
    spent = "/v2/snapshot/locale/us/markets/stocks/tickers"  # it costs ten requests
    night.begin()
    for _ in range(100):
        assert night.world.get(spent, key, headers={"accept-encoding": "gzip"}).status == 200
        night.later(21)
    ours, theirs = night.world.get("/quote/AAPL", key), night.world.get("/v2/last/nbbo/AAPL", key)
    assert (ours.status, ours.json["code"]) == (429, "daily_quota_spent")
    assert int(ours.headers["Retry-After"]) > 3600
    assert (theirs.status, theirs.json["status"]) == (429, "ERROR")
    assert "Retry-After" not in theirs.headers


def test_every_error_carries_the_limits_that_are_known(night: Market) -> None:
    answer = night.world.get("/v2/last/trade/QQQQQ", night.world.key(6))
    assert answer.status == 404
    assert "RateLimit" in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]
