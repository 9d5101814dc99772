"""A bar's close in the place of a quote: for readers of a batch, and not for those of the ticker alone who can have a quote."""

from contextlib import closing

import httpx
import pytest

from tests.redis_servers import RedisServer, redis_single
from tests.still_link import still_link
from tests.world import World

UNIVERSAL = "/v3/snapshot"


def without_quotes(world: World) -> World:
    """Let the universal snapshots of a world have no quotes, only minute bars."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != UNIVERSAL:
            return None
        minute = {"close": 9.75, "last_updated": world.upstream.now_us() * 1000}
        names = request.url.params["ticker.any_of"].split(",")
        items = [{"ticker": name, "type": "stocks", "last_minute": minute} for name in names]
        return httpx.Response(200, json={"status": "OK", "results": items})

    world.upstream.answer = answer
    return world


@pytest.fixture
def unquoted(world: World) -> World:
    return without_quotes(world)


def test_a_batch_answers_with_closes_where_there_are_no_quotes_and_remembers_them(unquoted: World) -> None:
    key = unquoted.key()
    first = unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    again = unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    assert first.json["AAPL"]["bid"] == 9.75
    assert first.headers["X-Data-Source"] == "minute_bar"
    assert again.headers["Cache-Status"].startswith("dekr; hit")
    assert unquoted.upstream.calls == [UNIVERSAL]


def test_the_close_of_a_batch_is_not_the_quote_of_its_ticker(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    alone = unquoted.get("/quote/AAPL", key)
    assert alone.headers["X-Data-Source"] == "nbbo"
    assert unquoted.upstream.calls == [UNIVERSAL, "/v2/last/nbbo/AAPL"]


def test_where_the_plan_has_no_quotes_the_close_of_a_batch_is_all_there_is(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.upstream.denied = {"nbbo", "snapshot/"}
    for ticker in ("MSFT", "KO"):
        # A refusal of one ticker alone would prove nothing of the plan.
        unquoted.get(f"/quote/{ticker}", key)
        unquoted.later(10)
    unquoted.post("/quotes/batch", key, ["AAPL", "GOOG"])
    before = len(unquoted.upstream.calls)
    alone = unquoted.get("/quote/AAPL", key)
    assert (alone.json["bid"], alone.headers["X-Data-Source"]) == (9.75, "minute_bar")
    assert len(unquoted.upstream.calls) == before


def test_a_quote_takes_the_place_of_a_close_for_the_batch_too(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    unquoted.later(1)
    bid = unquoted.get("/quote/AAPL", key).json["bid"]
    batch = unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    assert batch.json["AAPL"]["bid"] == bid
    assert batch.headers["X-Data-Source"] == "mixed"


def test_where_the_upstream_cannot_be_reached_a_close_is_better_than_nothing(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    unquoted.upstream.answer = lambda _: httpx.Response(500)
    answer = unquoted.get("/quote/AAPL", key)
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "minute_bar")
    assert "fwd=stale" in answer.headers["Cache-Status"]


def test_other_sandboxes_know_it_too(unquoted: World, redis: RedisServer) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    with closing(still_link(redis.url)) as link:
        again = unquoted.beside(link).post("/quotes/batch", key, ["AAPL", "MSFT"])
    assert again.json["AAPL"]["bid"] == 9.75
    assert unquoted.upstream.calls == [UNIVERSAL]


def test_a_ticker_that_nobody_quotes_keeps_the_close(unquoted: World) -> None:
    key = unquoted.key()
    answer = unquoted.upstream.answer
    unquoted.upstream.answer = lambda request: (
        httpx.Response(404, json={"status": "NOT_FOUND"}) if "/last/nbbo/" in request.url.path else answer(request)
    )
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    alone = unquoted.get("/quote/AAPL", key)
    assert alone.status == 200
    assert unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"]).json["AAPL"]["bid"] == alone.json["bid"]


def test_on_a_plan_without_quotes_a_batch_serves_its_tickers_alone(unquoted: World) -> None:
    key = unquoted.key()
    names = ["AAPL", "MSFT", "GOOG"]
    unquoted.upstream.denied = {"nbbo", "snapshot/"}
    unquoted.post("/quotes/batch", key, names)
    for name in names:
        alone = unquoted.get(f"/quote/{name}", key)
        assert (alone.json["bid"], alone.headers["X-Data-Source"]) == (9.75, "minute_bar")
    before = len(unquoted.upstream.calls)
    # No bar is requested.
    assert not any("/range/" in path for path in unquoted.upstream.calls)
    for name in names:
        assert unquoted.get(f"/quote/{name}", key).headers["Cache-Status"].startswith("dekr; hit")
    assert len(unquoted.upstream.calls) == before


def test_while_the_upstream_is_down_nobody_reads_that_the_plan_has_no_quotes(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    unquoted.upstream.answer = lambda _: httpx.Response(500)
    assert unquoted.get("/v2/last/nbbo/AAPL", key).status == 503


def test_without_a_store_a_batch_is_answered_all_the_same() -> None:
    with redis_single() as server, closing(still_link(server.url)) as link:
        world = without_quotes(World(link))
        key = world.key()
        world.get("/quote/AAPL", key)
        server.process.kill()
        server.process.wait()
        answer = world.post("/quotes/batch", key, ["MSFT", "GOOG"])
        assert (answer.status, answer.json["MSFT"]["bid"]) == (200, 9.75)


def test_what_comes_along_with_a_miss_is_a_stand_in_as_well(unquoted: World) -> None:
    key = unquoted.key()
    popular = [f"ZZ{letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
    unquoted.upstream.denied = {"stocks/tickers"}
    for _ in range(20):
        for name in popular:
            unquoted.get(f"/quote/{name}", key)
        unquoted.later(31)
    before = len(unquoted.upstream.calls)
    unquoted.post("/quotes/batch", key, popular[:2])
    assert unquoted.upstream.calls[before:] == [UNIVERSAL]
    assert unquoted.get(f"/quote/{popular[0]}", key).headers["X-Data-Source"] == "nbbo"
