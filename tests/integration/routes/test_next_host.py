"""The host in the addresses that the service hands out: its own, whatever the caller writes into a header."""

import pytest

from tests.markets import Market
from tests.world import HOST, Context, World, event

PAGED = (
    "/v2/aggs/ticker/AAPL/range/1/day/2026-09-01/2026-11-20?limit=5",
    "/v3/reference/tickers?limit=2",
    "/v2/reference/news?ticker=AAPL&limit=2",
    "/v1/indicators/sma/AAPL?timespan=day&limit=5",
)
FORGED = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "forwarded": "host=evil.example;proto=http",
    "x-forwarded-proto": "http",
}


@pytest.mark.parametrize("path", PAGED)
def test_the_next_page_is_at_the_host_that_api_gateway_names(night: Market, path: str) -> None:
    answer = night.world.get(path, night.world.key(), headers=FORGED)
    assert answer.json["next_url"].startswith(f"https://{HOST}/")
    assert "evil" not in answer.text


@pytest.mark.parametrize("path", PAGED)
def test_the_next_page_is_at_the_address_that_the_operator_gives(night: Market, path: str) -> None:
    world = World(
        night.world.store,
        directory=night.world.directory,
        client=night.world.client,
        public_url="http://127.0.0.1:8000",
    )
    answer = world.get(path, world.key(), headers=FORGED)
    assert answer.json["next_url"].startswith("http://127.0.0.1:8000/v")
    assert HOST not in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    "path", ["/market-data/AAPL?from=2020-01-01&timespan=day", "/news?symbol=AAPL&limit=2", "/symbols?search=a&limit=2"]
)
def test_a_link_names_no_host_at_all(night: Market, path: str) -> None:
    answer = night.world.get(path, night.world.key(), headers=FORGED)
    assert "evil" not in str(answer.headers)
    assert "Link" not in answer.headers or answer.headers["Link"].startswith(f"<{path.partition('?')[0]}?")


def test_an_event_of_another_gateway_without_a_name_is_answered_all_the_same(night: Market) -> None:
    sent = event(PAGED[1], {"x-api-key": night.world.key()})
    del sent["requestContext"]["domainName"]
    assert night.world.handler("reference")(sent, Context())["statusCode"] == 200
