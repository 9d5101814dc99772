"""The route of a caller's own use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import httpx
import pytest

from dekr.access.principal import Role
from dekr.models.operations import Usage
from dekr.store.link import Link
from tests.integration.routes.upstream import fails
from tests.markets import Market
from tests.patience import HANG_S
from tests.round_trips import counted
from tests.shapes import shaped
from tests.still_link import still_link
from tests.world import Answer, World


def _class(data: int, fetched: int, calls: int) -> dict[str, int]:
    return {"data": data, "fetched": fetched, "upstream_calls": calls}


def test_use_is_counted_by_class(night: Market) -> None:
    key = night.world.key(5, "reader")
    for path in (
        "/trade/AAPL",
        "/quote/AAPL",
        "/quote/AAPL",
        "/quote/AAPL",
        "/v2/last/trade/AAPL",
        "/news?symbol=AAPL",
    ):
        assert night.world.get(path, key).status == 200
    night.world.post("/quotes/batch", key, ["AAPL"])
    used = shaped(Usage, night.world.get("/usage", key))
    assert used["classes"] == {
        "batch": _class(1, 0, 0),
        "news": _class(1, 1, 1),
        "quote": _class(3, 1, 1),
        "trade": _class(2, 1, 1),
    }
    assert used["hit_ratio"] == pytest.approx(4 / 7)
    assert (used["used"], used["per_day"], used["left"]) == (7, 100_000, 100_000 - 7)
    assert (used["user"], used["tier"], used["day"]) == ("reader", 5, "2026-11-21")
    assert used["resets_at"] == "2026-11-22T00:00:00Z"
    assert (used["per_minute"], used["burst"]) == (300, 60)


def test_the_first_request_of_the_day_has_no_hit_ratio(night: Market) -> None:
    used = shaped(Usage, night.world.get("/usage", night.world.key(7, "new")))
    assert (used["used"], used["hit_ratio"]) == (0, None)
    assert (used["per_day"], used["left"]) == (None, None)


def test_a_new_utc_day_begins_at_zero(night: Market) -> None:
    key = night.world.key(5)
    night.world.get("/quote/AAPL", key)
    night.to("2026-11-22T00:00:01Z")
    used = night.world.get("/usage", key).json
    assert (used["used"], used["day"]) == (0, "2026-11-22")
    assert "quote" not in used["classes"]


def test_the_whole_market_counts_as_ten_requests_and_one_datum(night: Market) -> None:
    key = night.world.key(5)
    night.begin()
    night.world.get("/v2/snapshot/locale/us/markets/stocks/tickers", key, headers={"accept-encoding": "gzip"})
    used = night.world.get("/usage", key).json
    assert used["used"] == 10
    assert used["classes"]["market"] == _class(1, 1, 1)


def test_a_refused_request_costs_one_and_is_no_datum(night: Market) -> None:
    key = night.world.key(5)
    before = night.world.get("/usage", key).json["used"]
    for n, path in enumerate(
        ("/quote/123", "/news?limit=0", "/quote/AAPL?tier=7", "/quote/AAPL?odd=1", "/cache/stats"), 1
    ):
        refused = night.world.get(path, key)
        assert refused.status in (403, 422), path
        assert f"r={60 - before - n};" in refused.headers["RateLimit"], path
    night.world.post("/quotes/batch", key, [])
    used = night.world.get("/usage", key).json
    assert used["used"] - before == 6
    assert (used["classes"], night.calls) == ({}, 0)


def test_who_sends_nothing_but_refused_requests_is_refused_like_others(market: Market) -> None:
    key = market.world.key(1)
    statuses = [market.world.get("/quote/123", key).status for _ in range(12)]
    assert statuses == [422] * 10 + [429] * 2
    assert market.world.get("/v2/last/nbbo/123", key).status == 429
    assert market.calls == 0


def test_an_unknown_ticker_that_the_upstream_is_asked_for_costs_two_and_one_that_is_known_as_that_one(
    market: Market,
) -> None:
    key = market.world.key(5)
    before = market.world.get("/usage", key).json["used"]
    costs = []
    for _ in range(2):
        assert market.world.get("/quote/QQQQQ", key).status == 404
        used = market.world.get("/usage", key).json["used"]
        costs.append(used - before)
        before = used
    free = market.world.get("/usage", key).json["used"] - before
    assert [cost - free for cost in costs] == [2, 1]


def test_a_failed_fetch_is_counted_once_and_with_each_of_its_calls(market: Market) -> None:
    key = market.world.key(5)
    fails(market)
    assert market.world.get("/quote/AAPL", key).status == 503
    used = market.world.get("/usage", key).json
    assert used["classes"]["quote"] == _class(1, 1, market.calls)
    assert used["hit_ratio"] == 0


def test_what_the_plan_lacks_is_no_hit_either(free: Market) -> None:
    key = free.world.key(5)
    for symbol in ("AAPL", "MSFT"):
        assert free.world.get(f"/snapshot/{symbol}", key).status == 403
        free.later(10)
    assert free.world.get("/snapshot/KO", key).status == 403
    assert free.calls == 2  # that the plan has no snapshots is believed by then
    assert free.world.get("/usage", key).json["classes"]["snapshot"] == _class(3, 3, 2)


def test_stale_data_is_no_hit(market: Market) -> None:
    key = market.world.key(7)
    market.world.get("/quote/AAPL", key)
    calls = market.calls
    fails(market)
    market.later(120)
    assert market.world.get("/quote/AAPL", key).headers["Cache-Status"].startswith("dekr; fwd=stale")
    used = market.world.get("/usage", key).json
    assert used["classes"]["quote"] == _class(2, 2, market.calls)
    assert market.calls > calls


def test_who_waits_for_anothers_fetch_had_no_hit_and_made_no_call(market: Market, link: Link) -> None:
    with _another(market, link) as (other, waits):
        first, second = market.world.key(5, "first"), other.key(5, "second")
        found = list[Answer]()
        waiting = Thread(target=lambda: found.append(other.get("/quote/AAPL", second)))

        def meanwhile(_: httpx.Request) -> None:
            waiting.start()
            assert waits.wait(HANG_S)

        market.before = meanwhile
        market.world.get("/quote/AAPL", first)
        waiting.join()
        assert found[0].headers["Cache-Status"] == "dekr; fwd=miss; collapsed"
        assert other.get("/usage", second).json["classes"]["quote"] == _class(1, 1, 0)
        assert market.world.get("/usage", first).json["classes"]["quote"] == _class(1, 1, 1)


@contextmanager
def _another(market: Market, link: Link) -> Iterator[tuple[World, Event]]:
    """A second sandbox of the service, on the same store and upstream; and what is set once it waits."""
    waits = Event()

    def sleep(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    parts = link.connection
    more = still_link(f"redis://127.0.0.1:{parts.port}/0")
    more.clock_offset_us = link.clock_offset_us
    made = World(more, directory=market.world.directory, client=market.world.client, sleep=sleep)
    try:
        yield made, waits
    finally:
        more.close()


def test_each_user_sees_their_own_and_a_service_its_users(night: Market) -> None:
    service = night.world.key(7, "module", Role.SERVICE)
    ann = night.world.key(5, "ann")
    night.world.get("/quote/AAPL", service, headers={"x-dekr-user": "ann"})
    night.world.get("/quote/AAPL", ann)
    used = night.world.get("/usage", service, headers={"x-dekr-user": "ann"}).json
    assert (used["user"], used["tier"], used["used"]) == ("ann", 5, 2)
    assert used["classes"]["quote"] == _class(2, 1, 1)
    assert night.world.get("/usage", service).json["used"] == 0


def test_a_look_at_ones_use_is_one_round_trip(night: Market, link: Link) -> None:
    key = night.world.key(5)
    night.world.get("/usage", key)
    with counted(link) as trips:
        assert night.world.get("/usage", key).status == 200
    assert trips.count == 1


def test_what_is_left_is_what_may_still_be_requested(night: Market) -> None:
    key = night.world.key(1, "poor")
    for _ in range(10):
        assert night.world.get("/quote/AAPL", key).status == 200
    answer = night.world.get("/usage", key)
    assert answer.json["left"] == 990
    assert "r=990" in answer.headers["RateLimit"]
    assert night.world.get("/quote/AAPL", key).status == 429


def test_a_look_at_ones_use_is_free_and_never_refused(night: Market) -> None:
    key = night.world.key(1, "poor")
    night.begin()
    whole_market = "/v2/snapshot/locale/us/markets/stocks/tickers"  # it costs ten requests
    for _ in range(100):
        assert night.world.get(whole_market, key, headers={"accept-encoding": "gzip"}).status == 200
        night.later(20)
    refused = night.world.get("/quote/AAPL", key)
    assert (refused.status, refused.json["code"]) == (429, "daily_quota_spent")
    looks = [night.world.get("/usage", key) for _ in range(20)]
    assert {look.status for look in looks} == {200}
    assert {(look.json["used"], look.json["left"]) for look in looks} == {(1_000, 0)}
    assert {look.headers["RateLimit"].partition(",")[0] for look in looks} == {'"burst";r=10;t=0'}
