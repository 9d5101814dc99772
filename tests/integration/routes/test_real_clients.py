"""Requests as clients of Polygon send them, beside what the documentation says: each has the answer of the plain request.

OpenBB's provider sends booleans as Python writes them and queries with empty pairs; the vendor's Go client names news in
milliseconds and can add its options to each ``next_url``; the documentation says that an empty filter is none.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.routes.test_ticks import QUERY
from tests.markets import Market

V2 = "/v2/snapshot/locale/us/markets/stocks/tickers"
DAYS = "/v2/aggs/ticker/AAPL/range/1/day/2026-11-02/2026-11-20"
NEWS = "/v2/reference/news"


def _answer(market: Market, path: str, key: str) -> Any:
    """The JSON of a good answer, without the id of the request and the address of the next page."""
    answer = market.world.get(path, key)
    assert answer.status == 200, answer.text
    found = answer.json
    return found if isinstance(found, list) else {k: v for k, v in found.items() if k not in {"request_id", "next_url"}}


@pytest.mark.parametrize(
    ("path", "name", "plain"),
    [
        ("/market-data/AAPL?limit=5", "adjusted", "false"),
        ("/indicators/AAPL/sma?limit=5", "adjusted", "false"),
        (f"{DAYS}?limit=5", "adjusted", "false"),
        ("/v2/aggs/ticker/AAPL/prev?", "adjusted", "true"),
        ("/v1/indicators/sma/AAPL?limit=5", "adjusted", "false"),
        ("/v1/indicators/sma/AAPL?limit=5", "expand_underlying", "true"),
        ("/v3/reference/tickers?limit=5", "active", "false"),
        (f"{V2}?tickers=AAPL", "include_otc", "false"),
    ],
)
def test_a_boolean_in_any_case(night: Market, path: str, name: str, plain: str) -> None:
    key = night.world.key()
    expected = _answer(night, f"{path}&{name}={plain}", key)
    calls = night.calls
    for written in (plain.capitalize(), plain.upper(), plain[:2] + plain[2:].upper()):
        assert _answer(night, f"{path}&{name}={written}", key) == expected
    assert night.calls == calls
    for wrong in ("yes", "1", "truefalse", "%C4%B0"):
        assert night.world.get(f"{path}&{name}={wrong}", key).status in (400, 422)


@pytest.mark.parametrize(
    ("plain", "sent"),
    [
        (f"{DAYS}?limit=5", f"{DAYS}?&limit=5"),
        (f"{DAYS}?limit=5&sort=desc", f"{DAYS}?limit=5&&sort=desc&"),
        (f"{DAYS}?limit=5", f"{DAYS}?adjusted=&sort=&limit=5&cursor="),
        ("/market-data/AAPL?limit=5", "/market-data/AAPL?&&limit=5&"),
        ("/v3/reference/tickers?limit=5", "/v3/reference/tickers?ticker=&type=&search=&active=&order=&sort=&limit=5"),
        (NEWS, f"{NEWS}?ticker=&published_utc.gte=&limit="),
        (f"/v3/quotes/AAPL?{QUERY}", f"/v3/quotes/AAPL?{QUERY}&timestamp.gt=&order"),
        (f"{V2}?tickers=AAPL", f"{V2}?tickers=AAPL&include_otc="),
    ],
)
def test_empty_pairs_and_empty_values(night: Market, plain: str, sent: str) -> None:
    key = night.world.key()
    assert _answer(night, sent, key) == _answer(night, plain, key)


def test_the_key_in_small_letters(night: Market) -> None:
    key = night.world.key()
    assert night.world.get(f"{DAYS}?apikey={key}").status == 200
    first = night.world.get(f"/v3/reference/tickers?limit=2&apikey={key}")
    assert key not in first.text
    target = urlsplit(first.json["next_url"])
    assert night.world.get(f"{target.path}?{target.query}&apikey={key}").status == 200
    assert night.world.get(f"/quote/AAPL?apikey={key}").status == 401


@pytest.mark.parametrize("odd", ["APx", "O:SPY251219C00650000", "I:SPX", "123", "Ä", "A" * 40, "a\u0000", "-"])
def test_one_odd_ticker_does_not_fail_the_list(night: Market, odd: str) -> None:
    key = night.world.key()
    items = _answer(night, f"/v3/snapshot?ticker.any_of=MSFT,{odd},aapl", key)["results"]
    assert sorted(item["ticker"] for item in items) == sorted(["MSFT", odd, "AAPL"])
    missing = {"ticker": odd, "error": "NOT_FOUND", "message": "Ticker not found."}
    assert [item for item in items if "error" in item] == [missing]
    named = _answer(night, f"{V2}?tickers=MSFT,{odd},aapl", key)
    assert (named["count"], [item["ticker"] for item in named["tickers"]]) == (2, ["MSFT", "AAPL"])


def test_a_list_of_nothing_but_odd_ones_costs_no_call(night: Market) -> None:
    key = night.world.key()
    assert [item["error"] for item in _answer(night, "/v3/snapshot?ticker.any_of=x:y,12", key)["results"]] == [
        "NOT_FOUND"
    ] * 2
    assert _answer(night, f"{V2}?tickers=x:y,12", key)["tickers"] == []
    assert night.calls == 0


@pytest.mark.parametrize("path", [f"{V2}?tickers=", "/v3/snapshot?ticker.any_of="])
def test_spaces_and_commas_too_many(night: Market, path: str) -> None:
    key = night.world.key()
    assert _answer(night, f"{path}%20AAPL,%20MSFT%20,,", key) == _answer(night, f"{path}AAPL,MSFT", key)


def test_pages_of_a_list_with_an_odd_ticker(night: Market) -> None:
    key = night.world.key()
    found, path = [], "/v3/snapshot?ticker.any_of=T,%20aapl,x:y,F,,APx&limit=2"
    while path:
        answer = night.world.get(path, key)
        found += [item["ticker"] for item in answer.json["results"]]
        path = answer.json.get("next_url", "").removeprefix("https://api.dekr.test")
    assert found == ["AAPL", "APx", "F", "T", "x:y"]
    assert night.calls == 1


@pytest.mark.parametrize(
    ("path", "name", "raised"),
    [
        ("/v3/reference/tickers?", "ticker", "AAPL"),
        ("/v3/reference/tickers?limit=3&", "ticker.gte", "MS"),
        ("/v3/reference/tickers?limit=3&order=desc&", "ticker.lt", "NV"),
        (f"{NEWS}?", "ticker", "AAPL"),
    ],
)
def test_a_ticker_in_small_letters_is_one_in_capitals(night: Market, path: str, name: str, raised: str) -> None:
    key = night.world.key()
    found = _answer(night, f"{path}{name}={raised.lower()}", key)
    assert found["results"]
    assert found == _answer(night, f"{path}{name}={raised}", key)


@pytest.mark.parametrize(
    ("path", "largest"),
    [
        (f"{DAYS}?", 50_000),
        ("/v3/snapshot?ticker.any_of=AAPL,MSFT&", 250),
        (f"/v3/trades/AAPL?{QUERY}&", 50_000),
        ("/v1/indicators/sma/AAPL?", 5_000),
        (f"{NEWS}?ticker=AAPL&", 1_000),
        ("/v3/reference/tickers?", 1_000),
    ],
)
def test_a_limit_above_the_largest_is_the_largest(night: Market, path: str, largest: int) -> None:
    key = night.world.key()
    expected, calls = _answer(night, f"{path}limit={largest}", key), night.calls
    for limit in (largest + 1, 10 * largest):
        assert _answer(night, f"{path}limit={limit}", key) == expected
    assert night.calls == calls


def test_news_since_a_moment_in_milliseconds(night: Market) -> None:
    key = night.world.key()
    expected = _answer(night, f"{NEWS}?limit=50&published_utc.gte=2026-11-20T15:00:00Z", key)
    assert expected["results"]
    assert _answer(night, f"{NEWS}?limit=50&published_utc.gte=1795186800000", key) == expected


@pytest.mark.parametrize("kind", ["quotes", "trades"])
def test_ticks_between_moments_of_rfc_3339(night: Market, kind: str) -> None:
    key, path = night.world.key(), f"/v3/{kind}/AAPL?limit=50&order=asc"
    expected = _answer(night, f"{path}&timestamp.gte=1795186800000000000&timestamp.lt=1795186860000000000", key)
    assert expected["results"]
    calls = night.calls
    between = "timestamp.gte=2026-11-20T10:00:00-05:00&timestamp.lt=2026-11-20t15:01:00.000000000z"
    assert _answer(night, f"{path}&{between}", key) == expected
    assert night.calls == calls


@pytest.mark.parametrize(
    ("path", "query", "wrong"),
    [
        (DAYS, "sort=desc&limit=3", "sort=asc"),
        ("/v1/indicators/sma/AAPL", "order=asc&limit=3", "order=desc"),
        ("/v3/snapshot", "ticker.any_of=AAPL,MSFT,F&order=desc&limit=1", "order=asc"),
        ("/v3/quotes/AAPL", f"{QUERY}&sort=timestamp&order=asc&limit=3", "order=desc"),
        ("/v3/trades/AAPL", f"{QUERY}&limit=3", "order=asc"),
        (NEWS, "ticker=AAPL&sort=published_utc&order=asc&limit=3", "order=desc"),
        ("/v3/reference/tickers", "sort=name&order=desc&limit=3", "sort=type"),
        ("/v3/reference/tickers", "sort=name&order=desc&limit=3", "order=asc"),
        ("/v3/reference/tickers", "limit=3", "sort=name"),
    ],
)
def test_what_the_first_page_had_is_repeated_beside_its_cursor(
    night: Market, path: str, query: str, wrong: str
) -> None:
    key = night.world.key()
    options = "&".join(pair for pair in query.split("&") if pair.split("=")[0] in {"sort", "order", "limit"})
    target = urlsplit(night.world.get(f"{path}?{query}", key).json["next_url"])
    plain = f"{target.path}?{target.query}"
    second = night.world.get(plain, key)
    repeated = night.world.get(f"{plain}&{options}", key)
    assert (second.status, repeated.status) == (200, 200), repeated.text
    assert repeated.json["results"] == second.json["results"]
    third = (urlsplit(answer.json.get("next_url", "")) for answer in (second, repeated))
    assert len(set(third)) == 1
    calls = night.calls
    refused = night.world.get(f"{plain}&{wrong}", key)
    assert refused.status == 400
    assert refused.json["error"].startswith((f"{wrong.split('=', maxsplit=1)[0]}: ", "cursor: "))
    assert night.calls == calls
