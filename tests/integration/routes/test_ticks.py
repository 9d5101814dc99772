"""Polygon's lists of quotes and trades."""

import pytest

from dekr.http.polygon.shapes import Page
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import fails, pages
from tests.markets import Market
from tests.shapes import polygon_shaped

MINUTE = {"timestamp.gte": "1795201200000000000", "timestamp.lt": "1795201320000000000"}
"""Two minutes from 14:00 in New York on Friday, 2026-11-20."""

QUERY = "&".join(f"{name}={value}" for name, value in MINUTE.items())


@pytest.mark.parametrize("kind", ["quotes", "trades"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_are_polygons_own_to_the_last_one(night: Market, kind: str, order: str) -> None:
    path = f"/v3/{kind}/AAPL?{QUERY}&order={order}&limit=50"
    answers = list(followed(night.world, path, night.world.key()))
    found = [tick for answer in answers for tick in polygon_shaped(Page, answer)["results"]]
    assert len(answers) > 1
    assert found == pages(night, f"/v3/{kind}/AAPL", **MINUTE, order=order, limit=50_000)
    times = [tick["sip_timestamp"] for tick in found]
    assert times == sorted(times, reverse=order == "desc")


def test_what_is_over_does_not_grow_old(night: Market) -> None:
    night.to("2026-11-24T15:00:00Z")
    key = night.world.key()
    path = f"/v3/trades/AAPL?{QUERY}&limit=50"
    first = [answer.json for answer in followed(night.world, path, key)]
    calls = night.calls
    night.to("2026-11-27T15:00:00Z")
    assert [answer.json for answer in followed(night.world, path, key)] == first
    # A cursor says nothing that could be trusted of how old its page is: only the first page is known to be over.
    assert night.calls == calls + len(first) - 1


def test_the_newest_ticks_are_as_fresh_as_the_tier_says(market: Market) -> None:
    low, high = market.world.key(5, "low"), market.world.key(7, "high")
    first = market.world.get("/v3/trades/AAPL?limit=5", high).json["results"]
    market.later(31)
    assert market.world.get("/v3/trades/AAPL?limit=5", low).json["results"] == first
    newer = market.world.get("/v3/trades/AAPL?limit=5", high).json["results"]
    assert newer[0]["sip_timestamp"] > first[0]["sip_timestamp"]
    assert market.calls == 2


def test_a_ticker_without_ticks_has_an_empty_list(night: Market) -> None:
    answer = night.world.get(f"/v3/quotes/QQQQQ?{QUERY}", night.world.key())
    assert (answer.status, answer.json["results"]) == (200, [])


def test_a_plan_without_quotes_says_so(free: Market) -> None:
    free.to("2026-11-21T07:00:00Z")
    for kind in ("quotes", "trades"):
        answer = free.world.get(f"/v3/{kind}/AAPL?{QUERY}", free.world.key())
        assert (answer.status, answer.json["status"]) == (403, "NOT_AUTHORIZED")


def test_old_ticks_are_served_with_a_label_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key()
    first = market.world.get("/v3/quotes/AAPL?limit=5", key).json["results"]
    fails(market)
    market.later(120)
    stale = market.world.get("/v3/quotes/AAPL?limit=5", key)
    assert stale.json["results"] == first
    assert stale.headers["Cache-Status"].startswith("dekr; fwd=stale")
    assert market.world.get("/v3/quotes/MSFT?limit=5", key).status == 503
