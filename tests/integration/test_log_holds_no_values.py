"""Whatever is wrong with an answer of the upstream, no part of it is in the log: only models, fields and kinds of faults."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.store import Command
from tests.world import World

MARK = "PLANTED"
NUMBER = 987_654_321.25
MARKS = (MARK, "987654321", "fake-upstream-key", "upstream.test", "apiKey", "dk_")
FIELDS = (
    *("status", "results", "ticker", "tickers", "T", "t", "p", "P", "s", "S", "o", "h", "l", "c", "v", "vw", "n"),
    *("lastQuote", "lastTrade", "min", "day", "prevDay", "updated", "next_url", "error", "message", "count"),
    *(
        "id",
        "published_utc",
        "title",
        "article_url",
        "insights",
        "sentiment",
        "execution_date",
        "name",
        "sip_timestamp",
    ),
    *("market", "serverTime", "exchanges", "date", "exchange", "last_quote", "last_trade", "last_minute", "timeframe"),
)
ROUTES = (
    "/quote/{}",
    "/trade/{}",
    "/snapshot/{}",
    "/market-data/{}?timespan=day&limit=5",
    "/news?symbol={}",
    "/v2/reference/news?ticker={}",
    "/v2/aggs/ticker/{}/prev",
    "/v3/quotes/{}?limit=5",
    "/v3/snapshot?ticker.any_of={},MSFT",
    "/v3/reference/tickers?ticker={}",
    "/v1/marketstatus/now",
    "/v1/marketstatus/upcoming",
)

planted = st.sampled_from((MARK, NUMBER, 987_654_321, f"http://{MARK}[/?cursor={MARK}", f"2026-{MARK}", None, True, -1))
fields = st.sampled_from((*FIELDS, MARK))
values = st.recursive(
    planted, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=6), max_leaves=20
)
answers = st.dictionaries(fields, values, max_size=8).map(lambda found: {"status": "OK", **found}) | values


def good(request: httpx.Request) -> dict[str, Any]:
    """An answer that is right in its outline, for one value in it to be wrong."""
    path, now_ns = request.url.path, 1_795_186_800_000_000_000
    if path == "/v3/snapshot":
        names = request.url.params["ticker.any_of"].split(",")
        items = [{"ticker": name, "last_quote": {"bid": 1, "ask": 2, "last_updated": now_ns}} for name in names]
        return {"status": "OK", "results": items}
    if path == "/v1/marketstatus/now":
        return {"market": "open", "serverTime": "2026-11-20T15:00:00Z", "exchanges": {"nyse": "open"}}
    if "/reference/news" in path:
        article = {"id": "a", "published_utc": "2026-11-20T14:00:00Z", "title": "t", "article_url": "u"}
        return {"status": "OK", "results": [article], "next_url": f"http://upstream.test{path}?cursor=c"}
    if "/range/" in path or path.endswith("/prev"):
        bar = {"t": now_ns // 1_000_000, "o": 1, "h": 2, "l": 1, "c": 1, "v": 1}
        return {"status": "OK", "ticker": "QQQ", "results": [bar]}
    if "/stocks/tickers/" in path:
        return {"status": "OK", "ticker": {"ticker": "QQQ", "lastQuote": {"p": 1, "P": 2, "t": now_ns}}}
    return {"status": "OK", "results": {"T": "QQQ", "p": 1, "s": 1, "P": 2, "S": 1, "t": now_ns}}


def leaves(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in parsed JSON, those of objects and lists too."""
    pairs = found.items() if isinstance(found, Mapping) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(each for name, value in pairs for each in leaves(value, (*path, name)))]


def replaced(found: Any, path: tuple[Any, ...], value: object) -> Any:
    """Parsed JSON with another value at a path."""
    if not path:
        return value
    copy = dict(found) if isinstance(found, Mapping) else list(found)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


def logged(world: World, capsys: pytest.CaptureFixture[str], route: str) -> str:
    """All that a request for a route writes while nothing is cached and nothing is remembered of earlier failures."""
    key = world.key(7)
    world.store.run(Command(("FLUSHALL",), ()))
    capsys.readouterr()
    world.get(route.format("QQQ"), key)
    written = capsys.readouterr()
    assert json.loads(written.out.splitlines()[-1])["upstream"]
    return written.out + written.err


def check(text: str) -> None:
    for mark in MARKS:
        assert mark not in text


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sent=answers, route=st.sampled_from(ROUTES), headers=st.sampled_from(({}, {"Date": MARK}, {"Retry-After": MARK}))
)
def test_no_answer_of_any_shape_leaves_a_part_of_it_in_the_log(
    world: World, capsys: pytest.CaptureFixture[str], sent: object, route: str, headers: dict[str, str]
) -> None:
    world.upstream.answer = lambda _: httpx.Response(200, json=sent, headers=headers)
    check(logged(world, capsys, route))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 40), route=st.sampled_from(ROUTES), value=planted)
def test_no_value_that_is_wrong_in_a_good_answer_is_in_the_log(
    world: World, capsys: pytest.CaptureFixture[str], place: int, route: str, value: object
) -> None:

    def answer(request: httpx.Request) -> httpx.Response:
        outline = good(request)
        paths = leaves(outline)
        return httpx.Response(200, json=replaced(outline, paths[place % len(paths)], value))

    world.upstream.answer = answer
    check(logged(world, capsys, route))


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 429, 500])
def test_no_refusal_leaves_a_part_of_it_in_the_log(
    world: World, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    headers = {"Location": f"http://{MARK}/", "Retry-After": MARK, "Date": MARK}
    world.upstream.answer = lambda _: httpx.Response(status, json={MARK: MARK, "message": MARK}, headers=headers)
    for route in ROUTES:
        check(logged(world, capsys, route))


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError])
def test_no_broken_connection_leaves_its_address_in_the_log(
    world: World, capsys: pytest.CaptureFixture[str], kind: type[httpx.TransportError]
) -> None:

    def broken(request: httpx.Request) -> httpx.Response:
        raise kind(f"{MARK} {request.url} {request.headers['authorization']}")

    world.upstream.answer = broken
    for route in ROUTES:
        check(logged(world, capsys, route))
