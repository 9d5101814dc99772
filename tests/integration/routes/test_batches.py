"""The route of a batch of quotes."""

import json
from collections.abc import Iterable

import pytest

from dekr.models.quotes import FailedSymbol, Quote
from dekr.store.link import Link
from local.sandbox.universe import tickers
from tests.integration.routes.upstream import fails, recovers, upstream_answer
from tests.markets import Market
from tests.round_trips import counted
from tests.shapes import shaped

BATCH = "/quotes/batch"


def _quotes_of(market: Market, symbols: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return bid and ask by ticker, as the market itself has them."""
    items = upstream_answer(market, "/v3/snapshot", **{"ticker.any_of": ",".join(symbols), "limit": 250})["results"]
    return {item["ticker"]: (item["last_quote"]["bid"], item["last_quote"]["ask"]) for item in items}


def test_quotes_in_the_order_requested_and_as_the_market_has_them(night: Market) -> None:
    symbols = ["TSLA", "AAPL", "MSFT", "BRK.B", "BACpL"]
    found = shaped(dict[str, Quote], night.world.post(BATCH, night.world.key(), symbols))
    assert list(found) == symbols
    assert {symbol: (quote["bid"], quote["ask"]) for symbol, quote in found.items()} == _quotes_of(night, symbols)
    assert all(quote["symbol"] == symbol for symbol, quote in found.items())


def test_both_forms_of_the_body_are_the_same_question(night: Market) -> None:
    key = night.world.key()
    as_list = night.world.post(BATCH, key, ["AAPL", "MSFT"])
    as_object = night.world.post(BATCH, key, {"symbols": ["AAPL", "MSFT"]})
    assert as_object.json == as_list.json
    assert night.calls == 1


def test_two_hundred_and_fifty_misses_are_one_call(night: Market) -> None:
    symbols = list(tickers()[:250])
    found = shaped(dict[str, Quote], night.world.post(BATCH, night.world.key(), symbols))
    assert list(found) == symbols
    assert night.calls == 1


def test_a_batch_of_cached_tickers_is_one_round_trip(night: Market, link: Link) -> None:
    key = night.world.key()
    symbols = list(tickers()[:100])
    first = night.world.post(BATCH, key, symbols).json
    with counted(link) as trips:
        again = night.world.post(BATCH, key, symbols)
    assert again.json == first
    assert again.headers["Cache-Status"].startswith("dekr; hit")
    assert (trips.count, night.calls) == (1, 1)


def test_only_what_is_missing_is_requested_upstream(night: Market) -> None:
    key = night.world.key()
    order: list[str] = []
    night.world.get("/quote/AAPL", key)
    night.world.post(BATCH, key, ["AAPL", "MSFT"])
    calls = night.calls
    order += night.world.post(BATCH, key, ["MSFT", "AAPL"]).json
    assert order == ["MSFT", "AAPL"]
    assert night.calls == calls


def test_a_batch_makes_what_the_single_routes_serve(night: Market) -> None:
    key = night.world.key()
    batch = night.world.post(BATCH, key, ["AAPL", "MSFT"]).json
    assert night.world.get("/quote/MSFT", key).json == batch["MSFT"]
    assert night.world.get("/v2/last/nbbo/AAPL", key).json["results"]["p"] == batch["AAPL"]["bid"]
    assert night.world.get("/trade/AAPL", key).status == 200
    assert night.calls == 1


def test_batch_and_universal_snapshot_share_what_they_fetched(night: Market) -> None:
    key = night.world.key()
    night.world.post(BATCH, key, ["AAPL", "MSFT"])
    assert len(night.world.get("/v3/snapshot?ticker.any_of=AAPL,MSFT", key).json["results"]) == 2
    assert night.calls == 1
    night.world.get("/v3/snapshot?ticker.any_of=NVDA,TSLA", key)
    assert list(night.world.post(BATCH, key, ["NVDA", "TSLA"]).json) == ["NVDA", "TSLA"]
    assert night.calls == 2


def test_duplicates_are_folded_and_lower_case_is_raised(night: Market) -> None:
    found = night.world.post(BATCH, night.world.key(), ["aapl", "AAPL", "msft", "aapl"]).json
    assert list(found) == ["AAPL", "MSFT"]


def test_what_fails_fails_alone_and_in_its_place(night: Market) -> None:
    requested = ["AAPL", "QQQQQ", "not a ticker", 'a"b\n', "Ä", "", "MSFT"]
    found = shaped(dict[str, Quote | FailedSymbol], night.world.post(BATCH, night.world.key(), requested))
    assert list(found) == requested
    assert found["QQQQQ"]["error"]["code"] == "unknown_symbol"
    for symbol in requested[2:6]:
        assert found[symbol]["symbol"] == symbol
        assert found[symbol]["error"]["code"] == "invalid_symbol"
    assert found["AAPL"]["bid"] and found["MSFT"]["bid"]


def test_nothing_but_garbage_makes_no_upstream_call(night: Market) -> None:
    found = night.world.post(BATCH, night.world.key(), ["1", "2"])
    assert found.status == 200
    assert {item["error"]["code"] for item in found.json.values()} == {"invalid_symbol"}
    assert night.calls == 0


def test_an_unknown_ticker_is_remembered_for_a_minute(market: Market) -> None:
    key = market.world.key()
    for _ in range(3):
        market.world.post(BATCH, key, ["QQQQQ", "ZZZZZ"])
    assert market.world.get("/quote/QQQQQ", key).status == 404
    assert market.calls == 1
    market.later(61)
    market.world.post(BATCH, key, ["QQQQQ", "ZZZZZ"])
    assert market.calls == 2


@pytest.mark.parametrize(("tier", "most"), [(1, 10), (2, 25), (3, 25), (4, 50), (5, 100), (6, 250), (7, 250)])
def test_a_tiers_batch_size(night: Market, tier: int, most: int) -> None:
    key = night.world.key(tier)
    symbols = list(tickers()[: most + 1])
    refused = night.world.post(BATCH, key, symbols)
    assert (refused.status, refused.json["code"], refused.json["field"]) == (422, "batch_too_large", "symbols")
    assert str(most) in refused.json["detail"]
    assert night.calls == 0
    assert len(night.world.post(BATCH, key, symbols[:most]).json) == most


def test_each_reader_by_its_own_age(market: Market) -> None:
    low, high = market.world.key(4, "low"), market.world.key(7, "high")
    first = market.world.post(BATCH, low, ["AAPL", "MSFT"]).json
    market.later(31)
    assert market.world.post(BATCH, low, ["AAPL", "MSFT"]).json == first
    assert market.world.post(BATCH, high, ["AAPL", "MSFT"]).json != first
    assert market.calls == 2


def test_what_is_cached_is_served_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key(4)
    market.world.get("/quote/AAPL", key)
    fails(market)
    answer = market.world.post(BATCH, key, ["MSFT", "AAPL"])
    found = shaped(dict[str, Quote | FailedSymbol], answer)
    assert list(found) == ["MSFT", "AAPL"]
    assert found["AAPL"]["bid"]
    assert found["MSFT"]["error"]["code"] == "upstream_unavailable"
    assert answer.headers["Cache-Control"] == "private, max-age=0"
    assert answer.headers["Cache-Status"] == "dekr; fwd=miss; detail=upstream_unavailable"
    assert "X-Data-Warning" not in answer.headers
    recovers(market)
    assert shaped(dict[str, Quote], market.world.post(BATCH, key, ["NVDA", "AAPL"]))["NVDA"]["bid"]


def test_what_is_old_is_labelled_while_the_upstream_fails(market: Market) -> None:
    key = market.world.key(7)
    first = market.world.post(BATCH, key, ["AAPL"]).json
    fails(market)
    market.later(120)
    answer = market.world.post(BATCH, key, ["MSFT", "AAPL"])
    assert answer.json["AAPL"] == first["AAPL"]
    assert answer.json["MSFT"]["error"]["code"] == "upstream_unavailable"
    assert answer.headers["Cache-Status"].startswith("dekr; fwd=stale")
    assert answer.headers["X-Data-Warning"].startswith("stale; age=120")


def test_nothing_cached_and_the_upstream_fails_is_an_error_of_the_whole(market: Market) -> None:
    fails(market)
    answer = market.world.post(BATCH, market.world.key(), ["AAPL", "MSFT"])
    assert (answer.status, answer.json["code"]) == (503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_plan_without_quotes_gives_prices_of_the_last_minute(starter: Market) -> None:
    found = shaped(dict[str, Quote], starter.world.post(BATCH, starter.world.key(), ["AAPL", "MSFT"]))
    assert found["AAPL"]["bid"] == found["AAPL"]["ask"]
    assert found["AAPL"]["bid_size"] is None
    assert starter.calls == 1


def test_the_free_plan_gives_the_previous_days_closes_in_one_call(free: Market) -> None:
    key = free.world.key()
    symbols = [*tickers()[:50], "QQQQQ"]
    answer = free.world.post(BATCH, key, symbols)
    found = shaped(dict[str, Quote | FailedSymbol], answer)
    assert list(found) == symbols
    assert found["QQQQQ"]["error"]["code"] == "unknown_symbol"
    closes = upstream_answer(free, "/v2/aggs/grouped/locale/us/market/stocks/2026-11-19")["results"]
    closes = {bar["T"]: bar["c"] for bar in closes}
    assert all(found[symbol]["bid"] == found[symbol]["ask"] == closes[symbol] for symbol in symbols[:-1])
    # The first batch is refused snapshots of both kinds, the second one confirms it; the next one knows.
    assert free.calls == 3
    free.later(62)
    free.world.post(BATCH, key, list(tickers()[50:100]))
    assert free.calls == 6
    free.later(50)
    free.world.post(BATCH, key, list(tickers()[100:150]))
    assert free.calls == 7


def test_the_age_limits_of_a_batch_are_those_of_a_quote(night: Market) -> None:
    key = night.world.key(7)
    night.world.post(BATCH, key, ["AAPL"])
    batch = night.world.post(BATCH, key, ["AAPL"])
    quote = night.world.get("/quote/AAPL", key)
    assert batch.headers["Cache-Control"].startswith("private, max-age=")
    assert abs(int(batch.headers["Age"]) - int(quote.headers["Age"])) <= 1
    assert json.loads(batch.text)["AAPL"] == quote.json
