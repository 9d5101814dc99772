"""Bad input: a clear error that names the field, no upstream call, and nothing changed in the store but the caller's limits."""

import json
from base64 import b64encode
from string import ascii_uppercase

import pytest

from dekr.http.native.bars import BarQuery
from dekr.market.bars.segments import Series, Timespan
from tests.redis_servers import RedisServer
from tests.world import CURSORS, Answer, Context, World, event

BAD_SYMBOLS = (
    "..%2Fx", "A%252e%252e", "A%2e%2e", "A" * 40, "%C3%84PL", "%EF%BC%A1APL", "%7BAAPL%7D", "AAPL%0D%0AX", "AAPL%0A",
    "A%20B", "O:SPY251219C00650000", "X:BTCUSD", "I:SPX", "123", "-", ".A", "A.", "aPPL%00", "%C4%B1bm", "A*", "'",
)  # fmt: skip


@pytest.fixture
def untouched(world: World, redis: RedisServer) -> "object":
    """Check after the test that no upstream call was made and that the store holds only what reading the key needs, and the
    caller's limits.
    """
    yield None
    assert world.upstream.calls == []
    with redis.client() as client:
        kept = set(client.scan_iter("*"))
    assert not [name for name in kept if not name.startswith(("dekr:{key:", "dekr:{a:", "dekr:{u:demo}"))]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("route", ["quote", "market-data"])
@pytest.mark.parametrize("symbol", BAD_SYMBOLS)
def test_what_is_not_a_ticker(world: World, route: str, symbol: str) -> None:
    answer = world.get(f"/{route}/{symbol}", world.key())
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "invalid_symbol", "symbol")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["detail"].isprintable()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("timespan=fortnight", "timespan"),
        ("timespan=", "timespan"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=50001", "limit"),
        ("limit=abc", "limit"),
        ("limit=1_0", "limit"),
        ("limit=5.0", "limit"),
        ("limit=%D9%A5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("multiplier=0", "multiplier"),
        ("adjusted=1", "adjusted"),
        ("sort=up", "sort"),
        ("from=2026-02-30", "from"),
        ("to=2026-13-01", "to"),
        ("from=20260101", "from"),
        ("from=yesterday", "from"),
        ("from=2026-W47-5", "from"),
        ("from=2026-11-02&to=2026-11-01", "from"),
        ("from=1795186800", "from"),
        ("timespan=second&from=2026-01-01", "from"),
        ("timespan=second&from=1976-01-01&to=2026-01-01", "from"),
        ("limit=5&limit=6", "limit"),
        ("limit=5&limit=5", "limit"),
        ("colour=red", "colour"),
        ("Limit=5", "Limit"),
        ("tier=0", "tier"),
        ("tier=8", "tier"),
        ("tier=x", "tier"),
        ("cursor=abc", "cursor"),
        ("cursor=%C3%84", "cursor"),
        ("limit", "query"),
        ("limit=%ff", "query"),
        ("x=" + "y" * 8192, "query"),
    ],
)
def test_a_parameter_that_breaks_its_rule(world: World, query: str, field: str) -> None:
    answer = world.get(f"/market-data/AAPL?{query}", world.key())
    assert (answer.status, answer.json["field"]) == (422, field)
    assert answer.json["detail"].startswith(f"{field}: ")
    assert set(answer.json) == {"type", "title", "status", "detail", "code", "request_id", "field"}


@pytest.mark.usefixtures("untouched")
def test_who_is_nobody(world: World) -> None:
    key, other = world.key(), world.key()
    wrong = key[:-7] + ("a" if key[-7] != "a" else "b") + key[-6:]
    cases = [
        ("/quote/AAPL", {}, "missing_api_key"),
        ("/quote/AAPL", {"x-api-key": "junk"}, "invalid_api_key"),
        ("/quote/AAPL", {"x-api-key": wrong}, "invalid_api_key"),
        ("/quote/AAPL", {"authorization": "Basic abc"}, "invalid_api_key"),
        ("/quote/AAPL", {"x-api-key": key, "authorization": f"Bearer {other}"}, "conflicting_api_keys"),
        (f"/quote/AAPL?apiKey={other}", {"x-api-key": key}, "conflicting_api_keys"),
    ]
    for path, headers, code in cases:
        answer = world.get(path, headers=headers)
        assert (answer.status, answer.json["code"]) == (401, code), headers
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert world.directory.reads == 0


def test_the_three_places_of_a_key(world: World) -> None:
    key = world.key()
    assert world.get("/quote/AAPL", headers={"authorization": f"Bearer {key}"}).status == 200
    assert world.get(f"/quote/AAPL?apiKey={key}").status == 200
    assert world.get(f"/quote/AAPL?apiKey={key}", key).status == 200


def test_mixed_case_is_left_alone_and_lower_case_is_raised(world: World) -> None:
    key = world.key()
    world.get("/quote/BACpL", key)
    world.get("/quote/brk.b", key)
    quotes = [path for path in world.upstream.calls if "/last/nbbo/" in path]
    assert [path.rsplit("/", 1)[-1] for path in quotes] == ["BACpL", "BRK.B"]


def test_a_cursor_belongs_to_its_query(world: World) -> None:
    key = world.key()
    link = world.get("/market-data/AAPL?timespan=minute&limit=50000", key).headers["Link"]
    path = link.split("<")[1].split(">")[0]
    calls = len(world.upstream.calls)
    for changed in (
        path.replace("AAPL", "MSFT"),
        path.replace("asc", "desc"),
        path[:-1] + ("A" if path[-1] != "A" else "B"),
    ):
        assert world.get(changed, key).json["code"] == "invalid_cursor"
    assert len(world.upstream.calls) == calls


def test_an_address_that_nothing_answers_is_a_problem_too(world: World) -> None:
    answer = world.get("/healthy", world.key())
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert answer.json["detail"] == "There is nothing at this address for GET."
    assert answer.headers["X-Request-Id"] == "request-1"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "rest",
    ["x", "1.2.3.4", "\u00ff.1.1", "-9.1700000000000.1", "0.1700000000000.400000", "2.1.5", "1.2.50001", "1.2.-1"],
)
def test_a_cursor_that_was_made_by_hand_keeps_the_rules(world: World, rest: str) -> None:
    series = Series("AAPL", 1, Timespan.MINUTE, adjusted=True)
    page = BarQuery.parse(CURSORS, series, None, None, None, None, newest_first=False, now_ms=0).page
    forged = CURSORS.seal(page._sealed_scope, rest)
    answer = world.get(f"/market-data/AAPL?timespan=minute&cursor={forged}", world.key())
    assert (answer.status, answer.json["code"]) == (422, "invalid_cursor")


# Every route that reads, with the rest of a good query; those under /v1, /v2 and /v3 answer in Polygon's shape.
READS = {
    "/quote/AAPL": "",
    "/trade/AAPL": "",
    "/snapshot/AAPL": "",
    "/market-data/AAPL": "",
    "/indicators/AAPL/sma": "",
    "/news": "",
    "/market-status": "",
    "/market-calendar": "",
    "/symbols": "search=apple",
    "/usage": "",
    "/v2/aggs/ticker/AAPL/range/1/day/2026-01-01/2026-11-19": "",
    "/v2/aggs/ticker/AAPL/prev": "",
    "/v2/last/nbbo/AAPL": "",
    "/v2/last/trade/AAPL": "",
    "/v2/snapshot/locale/us/markets/stocks/tickers": "tickers=AAPL",
    "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL": "",
    "/v3/snapshot": "ticker.any_of=AAPL",
    "/v3/quotes/AAPL": "",
    "/v3/trades/AAPL": "",
    "/v1/indicators/sma/AAPL": "",
    "/v2/reference/news": "",
    "/v1/marketstatus/now": "",
    "/v1/marketstatus/upcoming": "",
    "/v3/reference/tickers": "",
}
LISTS = {
    "/market-data/AAPL": 50_000,
    "/indicators/AAPL/sma": 5_000,
    "/news": 1_000,
    "/symbols": 1_000,
    "/v2/aggs/ticker/AAPL/range/1/day/2026-01-01/2026-11-19": 50_000,
    "/v3/snapshot": 250,
    "/v3/quotes/AAPL": 50_000,
    "/v3/trades/AAPL": 50_000,
    "/v1/indicators/sma/AAPL": 5_000,
    "/v2/reference/news": 1_000,
    "/v3/reference/tickers": 1_000,
}
SNAPSHOTS = "/v2/snapshot/locale/us/markets/stocks/tickers"
MANY = ",".join(f"A{a}{b}" for a in ascii_uppercase for b in ascii_uppercase)


def _refused(answer: Answer, path: str, field: str) -> None:
    """Assert that an answer refuses the input in the route's dialect and names the field."""
    if path.startswith(("/v1/", "/v2/", "/v3/")):
        assert (answer.status, answer.json["status"]) == (400, "ERROR"), answer.text
        assert set(answer.json) == {"status", "request_id", "error"}
        assert answer.json["error"].startswith(f"{field}: "), answer.text
        assert answer.headers["Content-Type"] == "application/json"
    else:
        assert (answer.status, answer.json["field"]) == (422, field), answer.text
        assert answer.json["detail"].startswith(f"{field}: ")
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(("query", "field"), [("colour=red", "colour"), ("Tier=1", "Tier"), ("limit=%ff", "query")])
def test_a_parameter_that_no_route_has(world: World, path: str, query: str, field: str) -> None:
    _refused(world.get(f"{path}?{READS[path]}&{query}".replace("?&", "?"), world.key()), path, field)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "-1", "abc", "1e3", "5.0", "%D9%A5", "9" * 30])
def test_a_limit_out_of_range(world: World, path: str, limit: str) -> None:
    _refused(world.get(f"{path}?{READS[path]}&limit={limit}".replace("?&", "?"), world.key()), path, "limit")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", [path for path in LISTS if not path.startswith("/v")])
@pytest.mark.parametrize("limit", ["one more", ""])
def test_a_limit_that_only_polygons_routes_take(world: World, path: str, limit: str) -> None:
    limit = str(LISTS[path] + 1) if limit == "one more" else limit
    _refused(world.get(f"{path}?{READS[path]}&limit={limit}".replace("?&", "?"), world.key()), path, "limit")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/news?published_after=yesterday", "published_after"),
        ("/news?published_after=2026-11-20T10:00:00", "published_after"),
        ("/news?published_after=9999-12-31T23:59:59-23:59", "published_after"),
        ("/news?published_after=2026-02-30", "published_after"),
        ("/news?published_after=", "published_after"),
        ("/news?symbol=", "symbol"),
        ("/news?symbol=1", "symbol"),
        ("/news?format=xml", "format"),
        ("/market-data/AAPL?format=xml", "format"),
        ("/indicators/AAPL/sma?format=CSV", "format"),
        ("/quote/AAPL?format=csv", "format"),
        ("/symbols", "search"),
        ("/symbols?search=", "search"),
        ("/symbols?search=%20%20", "search"),
        ("/symbols?search=" + "a" * 101, "search"),
        ("/symbols?search=a%00b", "search"),
        ("/symbols?search=a%0Ab", "search"),
        ("/symbols?search=a&search=b", "search"),
        ("/v2/aggs/ticker/AAPL/range/1/day/2026-11-02/2026-11-01", "from"),
        ("/v2/aggs/ticker/AAPL/range/0/day/2026-11-01/2026-11-02", "multiplier"),
        ("/v2/aggs/ticker/AAPL/range/1/fortnight/2026-11-01/2026-11-02", "timespan"),
        ("/v2/aggs/ticker/AAPL/range/1/day/x/2026-11-02", "from"),
        ("/v2/aggs/ticker/AAPL/range/1/day/2026-11-01/x", "to"),
        ("/v2/aggs/ticker/AAPL/range/1/second/1990-01-01/2026-11-02", "from"),
        ("/v2/aggs/ticker/AAPL/prev?adjusted=yes", "adjusted"),
        ("/v3/quotes/AAPL?timestamp.gte=abc", "timestamp.gte"),
        ("/v3/quotes/AAPL?timestamp.gte=1969-12-31T23:59:59Z", "timestamp.gte"),
        ("/v3/quotes/AAPL?timestamp.gte=2026-11-20T15:00:00", "timestamp.gte"),
        ("/v3/quotes/AAPL?timestamp.gte=1795201200000", "timestamp.gte"),
        ("/v3/quotes/AAPL?timestamp.gt=-1", "timestamp.gt"),
        ("/v3/trades/AAPL?timestamp=2026-13-01", "timestamp"),
        ("/v3/trades/AAPL?timestamp.gte=2026-11-19&timestamp.lt=2026-11-18", "timestamp"),
        ("/v3/trades/AAPL?timestamp.ne=2026-11-19", "timestamp.ne"),
        ("/v3/trades/AAPL?order=up", "order"),
        ("/v3/trades/AAPL?sort=price", "sort"),
        ("/v2/reference/news?published_utc.gte=soon", "published_utc.gte"),
        ("/v2/reference/news?published_utc.gt=1795186800", "published_utc.gt"),
        ("/v2/reference/news?order=asc&order=desc", "order"),
        ("/v2/reference/news?apikey=a&apiKey=b", "apiKey"),
        ("/v2/reference/news?ticker=1", "ticker"),
        ("/v2/reference/news?sort=title", "sort"),
        ("/v3/reference/tickers?search=" + "a" * 101, "search"),
        ("/v3/reference/tickers?market=crypto", "market"),
        ("/v3/reference/tickers?active=yes", "active"),
        ("/v3/snapshot", "ticker.any_of"),
        ("/v3/snapshot?ticker.any_of=", "ticker.any_of"),
        ("/v3/snapshot?ticker.any_of=%20,", "ticker.any_of"),
        (f"/v3/snapshot?ticker.any_of={MANY}", "ticker.any_of"),
        ("/v3/snapshot?ticker.any_of=AAPL&type=crypto", "type"),
        (f"{SNAPSHOTS}?tickers={MANY}", "tickers"),
        (f"{SNAPSHOTS}?tickers=,", "tickers"),
        (f"{SNAPSHOTS}?tickers=AAPL&include_otc=true", "include_otc"),
        ("/v1/indicators/sma/AAPL?window=0", "window"),
        ("/indicators/AAPL/sma?window=10000", "window"),
        ("/indicators/AAPL/magic", "indicator"),
    ],
)
def test_a_value_that_breaks_its_rule(world: World, path: str, field: str) -> None:
    _refused(world.get(path, world.key()), path, field)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(("tier", "most"), [(1, 10), (4, 50), (7, 250)])
def test_more_tickers_than_the_tier_may_name(world: World, tier: int, most: int) -> None:
    key, names = world.key(tier), MANY.split(",")[: most + 1]
    for path in (f"{SNAPSHOTS}?tickers=", "/v3/snapshot?ticker.any_of="):
        answer = world.get(path + ",".join(names), key)
        assert answer.status == 400
        assert f"{most} tickers" in answer.json["error"]


DEEP = b"[" * 20_000 + b"]" * 20_000


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 422, "invalid_input"),
        (b'{"symbols": []}', 422, "invalid_input"),
        (b'{"symbols": "AAPL"}', 422, "invalid_input"),
        (b'{"symbols": ["AAPL"], "more": 1}', 422, "invalid_input"),
        (b'{"tickers": ["AAPL"]}', 422, "invalid_input"),
        (b"{}", 422, "invalid_input"),
        (b'"AAPL"', 422, "invalid_input"),
        (b"null", 422, "invalid_input"),
        (b"7", 422, "invalid_input"),
        (b"true", 422, "invalid_input"),
        (b'["AAPL", 1]', 422, "invalid_input"),
        (b'["AAPL", null]', 422, "invalid_input"),
        (b'["AAPL", true]', 422, "invalid_input"),
        (b'["AAPL", ["MSFT"]]', 422, "invalid_input"),
        (b'[["AAPL"]]', 422, "invalid_input"),
        (b'[{"symbol": "AAPL"}]', 422, "invalid_input"),
        (json.dumps([f"A{i}" for i in range(251)]).encode(), 422, "batch_too_large"),
        (json.dumps(["AAPL"] * 251).encode(), 422, "batch_too_large"),
        (json.dumps(["A"] * 10_000).encode(), 422, "batch_too_large"),
        (json.dumps(["AAPL"] * 10_000).encode(), 413, "body_too_large"),
        (b'["' + b"A" * 1_000_000 + b'"]', 413, "body_too_large"),
        (b" " * 1_000_000, 413, "body_too_large"),
        (b'["AAPL"', 400, "invalid_json"),
        (b"['AAPL']", 400, "invalid_json"),
        (b"[NaN]", 400, "invalid_json"),
        (b'["AAPL", Infinity]', 400, "invalid_json"),
        (b"AAPL", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b'\xff["AAPL"]', 400, "invalid_json"),
        (b'["\xc3"]', 400, "invalid_json"),
        (DEEP, 400, "invalid_json"),
    ],
)
def test_a_body_that_is_no_batch(world: World, body: bytes, status: int, code: str) -> None:
    answer = world.post("/quotes/batch", world.key(), body)
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["detail"].isprintable()
    assert len(answer.text) < 1_000


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp", "text/csv"]
)
def test_a_body_of_another_type(world: World, kind: str) -> None:
    answer = world.post("/quotes/batch", world.key(), ["AAPL"], headers={"content-type": kind})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.usefixtures("untouched")
def test_no_body_at_all(world: World) -> None:
    answer = world.send("POST", "/quotes/batch", world.key(), headers={"content-type": "application/json"})
    assert (answer.status, answer.json["code"]) == (400, "invalid_json")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("text", ["not base64!", "WyJBQVBMIl", "====", "\u00ff"])
def test_a_body_that_is_no_base64(world: World, text: str) -> None:
    request = event("/quotes/batch", {"x-api-key": world.key(), "content-type": "application/json"}, "POST", b"x")
    answer = world.handler("batch")({**request, "body": text, "isBase64Encoded": True}, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "invalid_json")


def test_a_good_body_as_base64_is_good(world: World) -> None:
    request = event(
        "/quotes/batch", {"x-api-key": world.key(), "content-type": "application/json; charset=utf-8"}, "POST", b"x"
    )
    text = b64encode(b'["AAPL"]').decode()
    answer = world.handler("batch")({**request, "body": text, "isBase64Encoded": True}, Context())
    assert (answer["statusCode"], list(json.loads(answer["body"]))) == (200, ["AAPL"])


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("symbol", BAD_SYMBOLS)
@pytest.mark.parametrize(
    "route",
    ["trade/{}", "snapshot/{}", "v2/last/nbbo/{}", "v3/quotes/{}", "v2/aggs/ticker/{}/prev", "indicators/{}/sma"],
)
def test_what_is_not_a_ticker_on_the_other_routes(world: World, route: str, symbol: str) -> None:
    path = "/" + route.format(symbol)
    answer = world.get(path, world.key())
    assert answer.status == (400 if route.startswith("v") else 422), answer.text
    assert ("error" if route.startswith("v") else "detail") in answer.json


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", ["/v3/reference/dividends", "/v2/last/AAPL", "/v1/open-close/AAPL/2026-11-19"])
def test_what_polygon_has_and_this_service_has_not(world: World, path: str) -> None:
    answer = world.get(path, world.key())
    assert (answer.status, answer.json["status"]) == (404, "ERROR"), (
        "NOT_FOUND is Polygon's word for a ticker without data"
    )
    assert set(answer.json) == {"status", "request_id", "error"}
    assert answer.json["error"].startswith("Not served")
