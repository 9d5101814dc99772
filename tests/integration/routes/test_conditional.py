"""Every route that reads: an ETag that gives 304 while nothing changed, gzip for who takes it, and the usual headers."""

import pytest

from dekr.access.principal import Role
from tests.integration.routes.test_ticks import QUERY
from tests.markets import Market
from tests.world import Answer

V2 = "/v2/snapshot/locale/us/markets/stocks/tickers"
READS = (
    "/quote/AAPL",
    "/trade/AAPL",
    "/snapshot/AAPL",
    "/market-data/AAPL?timespan=day&limit=50",
    "/indicators/AAPL/rsi?timespan=day&limit=50",
    "/news?symbol=AAPL&limit=20",
    "/market-calendar",
    "/symbols?search=ba",
    "/v2/aggs/ticker/AAPL/range/1/day/2026-09-01/2026-11-20",
    "/v2/aggs/ticker/AAPL/prev",
    "/v2/last/nbbo/AAPL",
    "/v2/last/trade/AAPL",
    f"{V2}/AAPL",
    f"{V2}?tickers=AAPL,MSFT,NVDA",
    "/v3/snapshot?ticker.any_of=AAPL,MSFT,NVDA",
    f"/v3/quotes/AAPL?{QUERY}&limit=50",
    f"/v3/trades/AAPL?{QUERY}&limit=50",
    "/v1/indicators/rsi/AAPL?timespan=day&limit=50",
    "/v2/reference/news?ticker=AAPL&limit=20",
    "/v1/marketstatus/now",
    "/v1/marketstatus/upcoming",
    "/v3/reference/tickers?search=ba",
)


@pytest.mark.parametrize("path", READS)
def test_who_has_it_already_gets_304(night: Market, path: str) -> None:
    key = night.world.key()
    first = night.world.get(path, key)
    tag = first.headers["ETag"]
    assert tag.startswith('"') and tag.endswith('"')
    for condition in (tag, f'"another", {tag}', f"W/{tag}", "*"):
        again = night.world.get(path, key, headers={"if-none-match": condition})
        assert (again.status, again.text) == (304, ""), condition
        assert again.headers["ETag"] == tag
        assert again.headers["Cache-Control"].startswith("private, max-age=")
        assert "Cache-Status" in again.headers and "RateLimit" in again.headers
    assert night.world.get(path, key, headers={"if-none-match": '"another"'}).status == 200


@pytest.mark.parametrize("path", READS)
def test_every_answer_says_how_fresh_it_is_and_what_is_left(night: Market, path: str) -> None:
    key = night.world.key(6)
    first, second = night.world.get(path, key), night.world.get(path, key)
    assert first.headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert second.headers["Cache-Status"].startswith("dekr; hit; ttl=")
    for answer in (first, second):
        assert int(answer.headers["Age"]) >= 0
        assert answer.headers["X-Request-Id"] == "request-1"
        assert answer.headers["RateLimit-Policy"].startswith('"burst";q=200')
    assert _without_id(first) == _without_id(second)


@pytest.mark.parametrize("path", READS)
def test_who_takes_gzip_gets_the_same_packed(night: Market, path: str) -> None:
    key = night.world.key()
    plain = night.world.get(path, key)
    assert "Content-Encoding" not in plain.headers
    packed = night.world.get(path, key, headers={"accept-encoding": "br, gzip"})
    assert packed.text == plain.text
    assert ("Content-Encoding" in packed.headers) == (len(plain.text) >= 1024)
    if len(plain.text) >= 1024:
        assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]


def test_a_changed_answer_has_another_etag(market: Market) -> None:
    key = market.world.key()
    for path in ("/quote/AAPL", "/v2/last/nbbo/AAPL"):
        market.later(60)
        tag = market.world.get(path, key).headers["ETag"]
        market.later(60)
        assert market.world.get(path, key, headers={"if-none-match": tag}).status == 200


def test_a_batch_is_posted_and_so_never_answered_with_304(night: Market) -> None:
    key = night.world.key()
    answer = night.world.post("/quotes/batch", key, ["AAPL", "MSFT"])
    again = night.world.post("/quotes/batch", key, ["AAPL", "MSFT"], headers={"if-none-match": answer.headers["ETag"]})
    assert (again.status, again.json) == (200, answer.json)


def test_what_is_personal_or_of_the_moment_is_not_stored(night: Market) -> None:
    admin = night.world.key(7, "root", Role.ADMIN)
    for path in ("/usage", "/cache/stats"):
        assert night.world.get(path, admin).headers["Cache-Control"] == "no-store", path


def _without_id(answer: Answer) -> str:
    return answer.text.replace('"request_id":"request-1",', "")
