"""The answers of the quote route."""

import httpx
import pytest

from dekr.access.principal import Role
from tests.redis_servers import RedisServer
from tests.world import World


def test_a_quote_has_the_bid_as_bid_and_the_ask_as_ask(world: World) -> None:
    answer = world.get("/quote/AAPL", world.key())
    assert answer.status == 200
    quote = answer.json
    assert list(quote) == ["symbol", "bid", "ask", "bid_size", "ask_size", "timestamp"]
    assert (quote["symbol"], quote["bid"], quote["ask"], quote["bid_size"], quote["ask_size"]) == ("AAPL", 1, 1.5, 2, 3)
    assert quote["timestamp"].startswith("2026-11-20T15:00:0")
    assert quote["timestamp"].endswith("Z")


def test_every_answer_says_where_it_came_from(world: World) -> None:
    key = world.key(tier=6)
    first, second = world.get("/quote/AAPL", key), world.get("/quote/AAPL", key)
    assert first.headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert second.headers["Cache-Status"].startswith("dekr; hit; ttl=")
    assert second.headers["Age"] == "0"
    assert second.headers["Cache-Control"] in ("private, max-age=59", "private, max-age=60")
    assert second.headers["X-Data-Source"] == "nbbo"
    assert second.headers["X-Data-Timeframe"] == "realtime"
    assert second.headers["X-Request-Id"] == "request-1"
    assert second.headers["RateLimit-Policy"] == '"burst";q=200;w=10, "day";q=500000;w=86400'
    assert second.headers["RateLimit"].startswith('"burst";r=198;t=1, "day";r=499998;t=')


def test_one_entry_serves_all_tiers_each_by_its_own_age(world: World) -> None:
    keys = {tier: world.key(tier, f"user{tier}") for tier in range(1, 8)}
    world.get("/quote/AAPL", keys[1])
    world.later(29)
    assert world.get("/quote/AAPL", keys[7]).json["bid"] == 1
    world.later(2)
    assert world.get("/quote/AAPL", keys[6]).json["bid"] == 1
    assert world.get("/quote/AAPL", keys[7]).json["bid"] == 2
    assert world.get("/quote/AAPL", keys[1]).json["bid"] == 2
    assert len(world.upstream.calls) == 2


def test_a_closed_market_keeps_a_price_that_was_fetched_after_the_close(world: World) -> None:
    key = world.key(7)
    world.to("2026-11-21T01:25:00Z")  # Friday 20:25 in New York: closed since 20:00
    world.get("/quote/AAPL", key)
    world.to("2026-11-23T08:59:00Z")  # Monday 03:59
    assert world.get("/quote/AAPL", key).headers["Cache-Status"].startswith("dekr; hit")
    world.to("2026-11-23T09:00:01Z")
    assert world.get("/quote/AAPL", key).headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_before_and_after_the_regular_session_ages_are_four_times_as_long(world: World) -> None:
    key = world.key(7)
    world.to("2026-11-20T13:00:00Z")  # 08:00 in New York
    world.get("/quote/AAPL", key)
    world.later(119)
    assert world.get("/quote/AAPL", key).headers["Cache-Status"].startswith("dekr; hit")
    world.later(2)
    assert world.get("/quote/AAPL", key).headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_the_tier_parameter_lowers_and_never_raises(world: World) -> None:
    key = world.key(6)
    world.get("/quote/AAPL", key)
    world.later(100)
    lowered = world.get("/quote/AAPL?tier=4", key)
    assert lowered.headers["Cache-Status"].startswith("dekr; hit")
    raised = world.get("/quote/AAPL?tier=7", key)
    assert (raised.status, raised.json["code"]) == (403, "tier_not_entitled")


def test_an_unknown_symbol_is_404_and_remembered_for_a_minute(world: World) -> None:
    key = world.key()
    for _ in range(3):
        answer = world.get("/quote/NONE", key)
        assert (answer.status, answer.json["code"]) == (404, "unknown_symbol")
    assert len(world.upstream.calls) == 1
    world.later(61)
    world.get("/quote/NONE", key)
    assert len(world.upstream.calls) == 2


def test_a_plan_without_quotes_steps_down_and_remembers(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"nbbo", "snapshot"}
    answer = world.get("/quote/AAPL", key)
    assert answer.headers["X-Data-Source"] == "minute_bar"
    assert answer.json["bid"] == answer.json["ask"] == 3.5
    assert answer.json["bid_size"] is None
    assert [path.split("/")[2] for path in world.upstream.calls] == ["last", "snapshot", "aggs"]
    world.upstream.calls.clear()
    world.later(40)
    world.get("/quote/AAPL", key)
    assert [path.split("/")[2] for path in world.upstream.calls] == ["aggs"]
    world.get("/quote/MSFT", key)
    world.upstream.calls.clear()
    world.get("/quote/GOOG", key)
    assert [path.split("/")[2] for path in world.upstream.calls] == ["aggs"]
    world.later(61)
    world.upstream.denied = {"snapshot"}
    assert world.get("/quote/AAPL", key).headers["X-Data-Source"] == "nbbo"


def test_a_ticker_that_is_refused_leaves_the_quotes_of_all_others_alone(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"nbbo/ODD", "snapshot"}
    for _ in range(4):
        assert world.get("/quote/ODD", key).headers["X-Data-Source"] == "minute_bar"
        assert world.get("/quote/AAPL", key).headers["X-Data-Source"] == "nbbo"
        world.later(31)


def test_the_previous_close_is_the_last_step(world: World) -> None:
    world.upstream.denied = {"nbbo", "snapshot", "range"}
    answer = world.get("/quote/AAPL", world.key())
    assert answer.headers["X-Data-Source"] == "previous_close"
    assert answer.json["bid"] == 4.5


def test_a_plan_without_anything_is_403_and_costs_no_more_calls(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"nbbo", "snapshot", "range", "prev"}
    for _ in range(2):
        answer = world.get("/quote/AAPL", key)
        assert (answer.status, answer.json["code"]) == (403, "upstream_not_entitled")
    assert len(world.upstream.calls) == 4


def test_stale_data_is_served_labelled_inside_its_window_only(world: World) -> None:
    key = world.key(7)
    world.get("/quote/AAPL", key)
    world.later(60)
    world.upstream.answer = lambda _: httpx.Response(503, text="<html>down</html>")
    stale = world.get("/quote/AAPL", key)
    assert (stale.status, stale.json["bid"]) == (200, 1)
    assert stale.headers["Cache-Status"] == "dekr; fwd=stale; detail=upstream_unavailable"
    assert stale.headers["X-Data-Warning"] == 'stale; age=60; reason="upstream_unavailable"'
    assert stale.headers["Cache-Control"] == "private, max-age=0"
    world.later(3600)
    gone = world.get("/quote/AAPL", key)
    assert (gone.status, gone.json["code"]) == (503, "upstream_unavailable")
    assert int(gone.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="not json"),
        httpx.Response(200, text='{"status":"OK","results":{"T":"AAPL","p":1,"t":'),
        httpx.Response(200, json={"status": "OK", "results": {"T": "MSFT", "p": 1, "P": 2, "t": 1}}),
        httpx.Response(200, json={"status": "OK", "results": {"T": "AAPL", "p": "1", "P": 2, "t": 1}}),
        httpx.Response(200, json={"status": "OK", "results": {"T": "AAPL", "t": 1}}),
        httpx.Response(200, json={"status": "OK", "results": {"T": "AAPL", "p": 1, "P": 2, "t": 4 * 10**18}}),
        httpx.Response(200, json={"status": "ERROR", "error": "odd"}),
        httpx.Response(200, text='{"status":"OK","results":{"T":"AAPL","p":NaN,"P":2,"t":1}}'),
        httpx.Response(302, headers={"location": "http://elsewhere.test/"}),
    ],
)
def test_garbage_from_upstream_is_502_and_never_cached(
    world: World, redis: RedisServer, answer: httpx.Response
) -> None:
    world.upstream.answer = lambda _: answer
    refused = world.get("/quote/AAPL", world.key())
    assert (refused.status, refused.json["code"]) == (502, "upstream_invalid")
    with redis.client() as client:
        assert not client.exists("dekr:{AAPL}:quote")


def test_a_service_key_acts_for_a_user_whose_limits_count(world: World) -> None:
    service = world.key(7, "screener", Role.SERVICE)
    world.key(2, "anna")
    answer = world.get("/quote/AAPL", service, headers={"x-dekr-user": "anna"})
    assert answer.headers["RateLimit-Policy"].startswith('"burst";q=30;w=15')
    unknown = world.get("/quote/AAPL", service, headers={"x-dekr-user": "nobody"})
    assert (unknown.status, unknown.json["field"]) == (422, "X-Dekr-User")
    other = world.get("/quote/AAPL", world.key(7), headers={"x-dekr-user": "anna"})
    assert (other.status, other.json["code"]) == (403, "role_required")


def test_over_the_limit_is_429_with_a_true_retry_after_and_no_upstream_call(world: World) -> None:
    key = world.key(1)
    answers = [world.get("/quote/AAPL", key) for _ in range(11)]
    assert [a.status for a in answers] == [200] * 10 + [429]
    refused = answers[-1]
    assert refused.json["code"] == "rate_limited"
    assert refused.headers["RateLimit"].startswith('"burst";r=0;')
    world.later(int(refused.headers["Retry-After"]))
    assert world.get("/quote/AAPL", key).status == 200
    assert len(world.upstream.calls) == 1


def test_a_throttled_call_keeps_everybody_away_for_as_long_as_the_upstream_said(world: World) -> None:
    key = world.key()
    world.upstream.answer = lambda _: httpx.Response(429, headers={"retry-after": "30"}, json={"status": "ERROR"})
    assert world.get("/quote/AAPL", key).json["code"] == "upstream_throttled"
    world.upstream.answer = lambda _: None
    world.later(20)
    refused = world.get("/quote/MSFT", key)
    assert (refused.status, refused.json["code"]) == (503, "upstream_budget_spent")
    assert int(refused.headers["Retry-After"]) <= 10
    world.later(11)
    assert world.get("/quote/MSFT", key).status == 200


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("identity", False), ("", False)],
)
def test_a_long_answer_is_compressed_for_who_takes_it(world: World, accepted: str, packed: bool) -> None:
    answer = world.get("/market-data/AAPL?limit=50", world.key(), headers={"accept-encoding": accepted})
    assert ("Content-Encoding" in answer.headers) == packed
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


def test_a_known_answer_is_304(world: World) -> None:
    key = world.key()
    tag = world.get("/quote/AAPL", key).headers["ETag"]
    again = world.get("/quote/AAPL", key, headers={"if-none-match": tag})
    assert (again.status, again.text) == (304, "")
    assert again.headers["ETag"] == tag


def test_without_the_store_a_sandbox_goes_on_with_what_it_has(world: World) -> None:
    key = world.key(7)
    world.get("/quote/AAPL", key)
    world.store.connection.port = 1  # type: ignore[attr-defined] # nobody listens there
    world.store.connection.disconnect()  # type: ignore[attr-defined] # the same
    assert world.get("/quote/AAPL", key).headers["Cache-Status"].startswith("dekr; hit")
    assert world.get("/quote/MSFT", key).headers["Cache-Status"] == "dekr; fwd=miss; stored"
    health = world.get("/health")
    assert (health.status, health.json["store"]) == (503, "down")


def test_a_bars_close_takes_no_quotes_place(world: World) -> None:
    key = world.key()
    quoted = world.get("/quote/AAPL", key).json
    minute = {"c": 9.5, "t": world.upstream.now_us() // 1000, "o": 9, "h": 10, "l": 9, "v": 5, "vw": 9}
    world.upstream.answer = lambda request: (
        httpx.Response(200, json={"status": "OK", "ticker": {"ticker": "AAPL", "min": minute}})
        if "/snapshot/" in request.url.path
        else None
    )
    assert world.get("/snapshot/AAPL", key).json["last_minute"]["close"] == 9.5
    assert world.get("/quote/AAPL", key).json == quoted


def test_a_batch_says_where_its_quotes_came_from(world: World) -> None:
    key = world.key()
    world.get("/quote/AAPL", key)
    assert world.post("/quotes/batch", key, ["AAPL"]).headers["X-Data-Source"] == "nbbo"
    assert world.post("/quotes/batch", key, ["AAPL", "MSFT"]).headers["X-Data-Source"] == "mixed"
    assert world.post("/quotes/batch", key, ["MSFT"]).headers["X-Data-Source"] == "snapshot"
