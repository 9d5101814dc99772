"""A ticker without bars is one that nobody lists, or one whose bars the upstream does not send: the list of tickers says which."""

from tests.integration.routes.upstream import fails, recovers
from tests.markets import Market


def test_no_bars_of_a_listed_ticker_are_no_bars(market: Market) -> None:
    """An answer without bars does not say that there is no such ticker: the list of tickers does."""
    key = market.world.key()
    fails(market, "empty", "/v2/aggs")
    for path in ("/market-data/MSFT?limit=5", "/market-data/MSFT?from=2026-11-02", "/indicators/MSFT/sma"):
        answer = market.world.get(path, key)
        assert (answer.status, answer.json) == (200, []), path
    for path in ("/market-data/QQQQQ", "/indicators/QQQQQ/sma"):
        answer = market.world.get(path, key)
        assert (answer.status, answer.json["code"]) == (404, "unknown_symbol")
    recovers(market)
    market.later(61)
    assert len(market.world.get("/market-data/MSFT?limit=5", key).json) == 5


def test_where_the_list_of_tickers_cannot_be_read_there_are_just_no_bars(market: Market) -> None:
    fails(market, "empty", "/v2/aggs")
    fails(market, "403", "/v3/reference")
    answer = market.world.get("/market-data/MSFT?limit=5", market.world.key())
    assert (answer.status, answer.json) == (200, [])
