"""A cursor belongs to the query that it came from: one that was changed or moved elsewhere is refused without an upstream call."""

from urllib.parse import parse_qsl, urlencode

import pytest

from dekr.cursors import Cursors
from dekr.market.bars.segments import Series, Timespan
from tests.integration.routes.paging import followed
from tests.integration.routes.test_ticks import QUERY
from tests.markets import Market

DEKR = {
    "/market-data/AAPL": "timespan=minute&from=2026-09-01&to=2026-11-20",
    "/indicators/AAPL/sma": "timespan=minute&from=2026-09-01&to=2026-11-20&window=5",
    "/news": "symbol=AAPL&limit=5",
    "/symbols": "search=ba&limit=5",
}
POLYGON = {
    "/v2/aggs/ticker/AAPL/range/1/day/2026-01-02/2026-11-20": "limit=20",
    "/v3/snapshot": "ticker.any_of=AAPL,MSFT,NVDA&limit=2",
    "/v3/quotes/AAPL": f"{QUERY}&limit=20",
    "/v3/trades/AAPL": f"{QUERY}&limit=20",
    "/v1/indicators/rsi/AAPL": "timespan=day&limit=5",
    "/v2/reference/news": "ticker=AAPL&limit=5",
    "/v3/reference/tickers": "search=ba&limit=5",
}


def _following(market: Market, path: str, key: str) -> tuple[str, dict[str, str]]:
    """Address and parameters of a route's second page."""
    pages = followed(market.world, f"{path}?{ {**DEKR, **POLYGON}[path] }", key)
    first = next(pages)
    url = first.headers["Link"].split(">")[0][1:] if path in DEKR else first.json["next_url"]
    address, _, query = url.removeprefix("https://api.dekr.test").partition("?")
    return address, dict(parse_qsl(query))


def _refused(market: Market, path: str, parameters: dict[str, str], key: str) -> None:
    calls = market.calls
    answer = market.world.get(f"{path}?{urlencode(parameters)}", key)
    if path.startswith("/v"):
        assert (answer.status, answer.json["status"]) == (400, "ERROR"), answer.text
        assert set(answer.json) == {"status", "request_id", "error"}
    else:
        assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "invalid_cursor", "cursor")
    assert market.calls == calls


@pytest.mark.parametrize("path", [*DEKR, *POLYGON])
def test_a_cursor_that_was_changed(night: Market, path: str) -> None:
    key = night.world.key()
    address, parameters = _following(night, path, key)
    cursor = parameters["cursor"]
    for place in (0, 5, len(cursor) // 2, len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        _refused(night, address, {**parameters, "cursor": changed}, key)
    # On Polygon's routes an empty one is none.
    for wrong in (*([""] if path in DEKR else []), "x", cursor + "=", cursor + "A", cursor[:-2], "Ä", "-" * 3_000):
        _refused(night, address, {**parameters, "cursor": wrong}, key)
    assert night.world.get(f"{address}?{urlencode(parameters)}", key).status == 200


def test_a_cursor_that_was_moved_to_another_route(night: Market) -> None:
    key = night.world.key()
    following = {path: _following(night, path, key) for path in (*DEKR, *POLYGON)}
    for source, (_, there) in following.items():
        for target, (address, parameters) in following.items():
            if target != source:
                _refused(night, address, {**parameters, "cursor": there["cursor"]}, key)


@pytest.mark.parametrize(
    ("path", "moved", "changes"),
    [
        ("/market-data/AAPL", "/market-data/MSFT", {}),
        ("/market-data/AAPL", "/market-data/AAPL", {"sort": "desc"}),
        ("/market-data/AAPL", "/market-data/AAPL", {"timespan": "hour"}),
        ("/market-data/AAPL", "/market-data/AAPL", {"adjusted": "false"}),
        ("/news", "/news", {"symbol": "MSFT"}),
        ("/symbols", "/symbols", {"search": "ab"}),
        ("/v3/quotes/AAPL", "/v3/quotes/MSFT", {}),
        ("/v3/quotes/AAPL", "/v3/trades/AAPL", {}),
        ("/v3/snapshot", "/v3/snapshot", {"ticker.any_of": "AAPL,MSFT"}),
        ("/v3/snapshot", "/v3/snapshot", {"order": "desc"}),
        (
            "/v2/aggs/ticker/AAPL/range/1/day/2026-01-02/2026-11-20",
            "/v2/aggs/ticker/AAPL/range/1/day/2026-01-03/2026-11-20",
            {},
        ),
    ],
)
def test_a_cursor_that_was_moved_to_another_query(
    night: Market, path: str, moved: str, changes: dict[str, str]
) -> None:
    key = night.world.key()
    _, parameters = _following(night, path, key)
    _refused(night, moved, {**parameters, **changes}, key)


def test_a_cursor_is_no_ones_own(night: Market) -> None:
    address, parameters = _following(night, "/news", night.world.key(7, "ann"))
    answer = night.world.get(f"{address}?{urlencode(parameters)}", night.world.key(1, "ben"))
    assert answer.status == 200


def test_the_next_pages_address_holds_no_key(night: Market) -> None:
    key = night.world.key()
    for path, query in POLYGON.items():
        answer = night.world.get(f"{path}?{query}&apiKey={key}")
        assert key not in answer.text
        assert "apiKey" not in answer.json["next_url"]


BARS = Series("AAPL", 1, Timespan.MINUTE, adjusted=True).name


@pytest.mark.parametrize(
    ("path", "scope", "held"),
    [
        ("/market-data/AAPL?timespan=minute", f"AAPL:{BARS}:asc", "1.1795186800000.50000"),
        ("/news?symbol=AAPL", "/news?symbol=AAPL", "AAPL published_utc desc before:x"),
        ("/news?symbol=AAPL", "/news?symbol=AAPL", "AAPL published_utc desc before:99999:2026-11-20T15:00:00Z"),
        ("/symbols?search=ba", "/symbols?search=ba", " ticker asc YQ"),
        ("/v3/snapshot?ticker.any_of=AAPL,MSFT", "asc:AAPL,MSFT", "AAPL"),
        ("/v3/quotes/AAPL?", "/v3/quotes/AAPL?", "  desc YQ"),
        ("/v2/reference/news?", "/v2/reference/news?", " published_utc desc before:10:2026-13-01"),
        ("/v3/reference/tickers?", "/v3/reference/tickers?", "   YQ"),
    ],
)
def test_a_cursor_that_was_forged_costs_no_call(night: Market, path: str, scope: str, held: str) -> None:
    address, _, query = path.partition("?")
    cursor = Cursors.signed_with("a secret that the service does not have").seal(scope, held)
    _refused(night, address, dict(parse_qsl(query)) | {"cursor": cursor}, night.world.key())
    assert night.calls == 0
