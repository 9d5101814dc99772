"""Every route that reads: an ETag that gives 304 while nothing changed, gzip for who takes it, and the usual headers."""

import re
from pathlib import Path

import pytest

from dekr.access.principal import Role
from tests.integration.routes.test_ticks import QUERY
from tests.integration.routes.upstream import fails
from tests.markets import Market
from tests.world import Answer

README = (Path(__file__).parents[3] / "README.md").read_text()
V2 = "/v2/snapshot/locale/us/markets/stocks/tickers"
READS = (
    "/quote/AAPL",
    "/trade/AAPL",
    "/snapshot/AAPL",
    "/market-data/AAPL?timespan=day&limit=50",
    "/indicators/AAPL/rsi?timespan=day&limit=50",
    "/news?symbol=AAPL&limit=20",
    "/market-status",
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
    assert _lasting(first) == _lasting(second)


@pytest.mark.parametrize("path", READS)
def test_who_takes_gzip_gets_the_same_packed(night: Market, path: str) -> None:
    key = night.world.key()
    plain = night.world.get(path, key)
    assert "Content-Encoding" not in plain.headers
    packed = night.world.get(path, key, headers={"accept-encoding": "br, gzip"})
    assert _lasting(packed) == _lasting(plain)
    assert ("Content-Encoding" in packed.headers) == (len(plain.text) >= 1024)
    if len(plain.text) >= 1024:
        assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("path", READS)
def test_the_packed_answer_has_an_etag_of_its_own_and_either_is_known_again(night: Market, path: str) -> None:
    key = night.world.key()
    plain = night.world.get(path, key)
    packed = night.world.get(path, key, headers={"accept-encoding": "gzip"})
    tags = {plain.headers["ETag"], packed.headers["ETag"]}
    assert len(tags) == 1 + ("Content-Encoding" in packed.headers), "RFC 9110, section 8.8.3.3"
    for tag in tags:
        for accepted in ("identity", "gzip"):
            again = night.world.get(path, key, headers={"if-none-match": tag, "accept-encoding": accepted})
            assert (again.status, again.headers["ETag"], again.text) == (304, tag, "")
    anything = night.world.get(path, key, headers={"if-none-match": "*", "accept-encoding": "gzip"})
    assert (anything.status, anything.headers["ETag"]) == (304, packed.headers["ETag"])


def test_the_whole_market_has_an_etag_for_each_coding_too(night: Market) -> None:
    key = night.world.key()
    night.begin()
    packed = night.world.get(V2, key, headers={"accept-encoding": "gzip"})
    tag = packed.headers["ETag"]
    assert (packed.status, packed.headers["Content-Encoding"]) == (200, "gzip")
    for accepted in ("gzip", "identity"):
        again = night.world.get(V2, key, headers={"if-none-match": tag, "accept-encoding": accepted})
        assert (again.status, again.headers["ETag"]) == (304, tag)
    anything = night.world.get(V2, key, headers={"if-none-match": "*"})
    assert anything.status == 304
    assert anything.headers["ETag"] != tag


def test_the_state_of_the_market_is_another_only_after_it_has_changed(night: Market) -> None:
    key = night.world.key()
    night.to("2026-11-20T20:30:00Z")  # half an hour before the close
    tag = night.world.get("/market-status", key).headers["ETag"]
    night.later(5)
    again = night.world.get("/market-status", key, headers={"if-none-match": tag})
    assert (again.status, again.headers["ETag"]) == (304, tag)
    night.to("2026-11-20T21:00:01Z")
    closed = night.world.get("/market-status", key, headers={"if-none-match": tag})
    assert (closed.status, closed.json["session"]) == (200, "post")


SOURCES = {
    "/quote/": "nbbo",
    "/trade/": "trade",
    "/snapshot/": "snapshot",
    "/market-data/": "aggregates",
    "/indicators/": "aggregates",
    "/news": "news",
    "/market-status": "mixed",
    "/market-calendar": "mixed",
    "/symbols": "reference",
    "/v2/aggs/": "aggregates",
    "/v2/last/nbbo/": "nbbo",
    "/v2/last/trade/": "trade",
    "/v2/snapshot/": "snapshot",
    "/v3/snapshot": "snapshot",
    "/v3/quotes/": "nbbo",
    "/v3/trades/": "trade",
    "/v1/indicators/": "aggregates",
    "/v2/reference/news": "news",
    "/v1/marketstatus/": "reference",
    "/v3/reference/": "reference",
}


@pytest.mark.parametrize("path", [*READS, "/news", f"/v3/quotes/AAPL?{QUERY}&limit=2"])
def test_every_answer_with_data_names_its_source(night: Market, path: str) -> None:
    key = night.world.key()
    (source,) = {source for beginning, source in SOURCES.items() if path.startswith(beginning)}
    answers = [
        night.world.get(path, key),
        night.world.get(path, key),
        night.world.get(path, key, headers={"if-none-match": "*"}),
    ]
    assert [answer.status for answer in answers] == [200, 200, 304]
    assert [answer.headers["X-Data-Source"] for answer in answers] == [source] * 3
    assert f"`{source}`" in README.split("`X-Data-Source` (")[1].split(")")[0]


@pytest.mark.parametrize("path", ["/market-status", "/market-calendar"])
def test_the_calendar_alone_is_a_source_too(night: Market, path: str) -> None:
    fails(night)
    answer = night.world.get(path, night.world.key())
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "calendar")


ANSWERS = (
    *READS,
    "/health",
    "/docs",
    "/openapi.json",
    "/usage",
    "/",
    "/news/",
    "/elsewhere",
    "/v3/none",
    "/quote/123",
    "/quote/QQQQQ",
)


@pytest.mark.parametrize("path", ANSWERS)
def test_no_answer_lets_a_browser_guess_its_type(night: Market, path: str) -> None:
    key = night.world.key()
    for method in ("GET", "HEAD", "OPTIONS", "PATCH"):
        for headers in ({}, {"if-none-match": "*"}):
            for credential in (key, None):
                answer = night.world.send(method, path, credential, headers=headers)
                assert answer.headers["X-Content-Type-Options"] == "nosniff", (method, headers, answer.status)


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


def _lasting(answer: Answer) -> str:
    """The body without what is another in every answer: the request's id, and the moment of /market-status."""
    return re.sub(r', "time": "[^"]+"}$', "}", answer.text.replace('"request_id":"request-1",', ""))
