"""The ticker search and Polygon's list of tickers."""

import pytest

from dekr.http.polygon.shapes import Page
from dekr.models.reference import Listing
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import fails, pages, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped

REFERENCE = "/v3/reference/tickers"


def test_a_search_finds_what_the_upstream_finds(night: Market) -> None:
    found = shaped(list[Listing], night.world.get("/symbols?search=AAPL", night.world.key()))
    sent = upstream_answer(night, REFERENCE, search="AAPL", market="stocks", active="true")["results"]
    assert found == [
        {
            "symbol": item["ticker"],
            "name": item["name"],
            "type": item["type"],
            "exchange": item["primary_exchange"],
            "currency": item["currency_name"],
            "active": item["active"],
        }
        for item in sent
    ]
    assert found[0]["symbol"] == "AAPL"


def test_words_of_a_name_are_found_too(night: Market) -> None:
    key = night.world.key()
    name = night.world.get("/symbols?search=AAPL", key).json[0]["name"]
    found = night.world.get(f"/symbols?search={name.replace(' ', '%20').replace('&', '%26')}", key).json
    assert "AAPL" in [item["symbol"] for item in found]


def test_pages_lead_to_the_end_without_gaps_or_doubles(night: Market) -> None:
    answers = list(followed(night.world, "/symbols?search=ba&limit=40", night.world.key()))
    found = [item["symbol"] for answer in answers for item in shaped(list[Listing], answer)]
    sent = pages(night, REFERENCE, search="ba", market="stocks", active="true", limit=1_000)
    assert len(answers) > 2
    assert found == [item["ticker"] for item in sent]


def test_a_search_that_finds_nothing_is_empty(night: Market) -> None:
    answer = night.world.get("/symbols?search=there%20is%20no%20such%20name", night.world.key())
    assert (answer.status, answer.json) == (200, [])


@pytest.mark.parametrize(
    "filters",
    [
        {"ticker": "AAPL"},
        {"ticker.gte": "SPY", "ticker.lt": "T"},
        {"type": "ETF", "sort": "name", "order": "desc"},
        {"active": "false", "search": "ba"},
    ],
)
def test_polygons_tickers_are_polygons_own_to_the_last_page(night: Market, filters: dict[str, str]) -> None:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    answers = list(followed(night.world, f"{REFERENCE}?{query}&limit=25", night.world.key()))
    found = [item for answer in answers for item in polygon_shaped(Page, answer)["results"]]
    assert found == pages(night, REFERENCE, market="stocks", limit=1_000, **filters)
    assert found


def test_an_old_list_is_served_with_a_label_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key()
    first = market.world.get("/symbols?search=AAPL", key).json
    market.later(600)
    fails(market)
    stale = market.world.get("/symbols?search=AAPL", key)
    assert stale.json == first
    assert stale.headers["X-Data-Warning"].startswith("stale; age=600")
    assert market.world.get("/symbols?search=MSFT", key).status == 503


def test_a_search_is_fetched_once_for_all_tiers(market: Market) -> None:
    for tier in range(1, 8):
        assert market.world.get("/symbols?search=AAPL", market.world.key(tier, f"user{tier}")).status == 200
    assert market.calls == 1
    market.later(301)
    market.world.get("/symbols?search=AAPL", market.world.key(2, "user2"))
    assert market.calls == 1
    market.world.get("/symbols?search=AAPL", market.world.key(7, "user7"))
    assert market.calls == 2
