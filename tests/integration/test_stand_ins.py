"""A bar's close in the place of a quote: for readers of a batch, and not for those of the ticker alone who can have a quote."""

import httpx
import pytest

from tests.world import World

UNIVERSAL = "/v3/snapshot"


@pytest.fixture
def unquoted(world: World) -> World:
    """A world whose universal snapshots have no quotes, only minute bars."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != UNIVERSAL:
            return None
        minute = {"close": 9.75, "last_updated": world.upstream.now_us() * 1000}
        names = request.url.params["ticker.any_of"].split(",")
        items = [{"ticker": name, "type": "stocks", "last_minute": minute} for name in names]
        return httpx.Response(200, json={"status": "OK", "results": items})

    world.upstream.answer = answer
    return world


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
    unquoted.get("/quote/MSFT", key)
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


def test_where_the_upstream_cannot_be_asked_a_close_is_better_than_nothing(unquoted: World) -> None:
    key = unquoted.key()
    unquoted.post("/quotes/batch", key, ["AAPL", "MSFT"])
    unquoted.upstream.answer = lambda _: httpx.Response(500)
    answer = unquoted.get("/quote/AAPL", key)
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "minute_bar")
    assert "fwd=stale" in answer.headers["Cache-Status"]
