"""Bad input: a clear error that names the field, no upstream call, and nothing changed in the store."""

import pytest

from dekr.http import bar_pages, cursors
from dekr.market.segments import Series, Timespan
from tests.redis_servers import RedisServer
from tests.world import World

BAD_SYMBOLS = (
    "..%2Fx", "A%252e%252e", "A%2e%2e", "A" * 40, "%C3%84PL", "%EF%BC%A1APL", "%7BAAPL%7D", "AAPL%0D%0AX", "AAPL%0A",
    "A%20B", "O:SPY251219C00650000", "X:BTCUSD", "I:SPX", "123", "-", ".A", "A.", "aPPL%00", "%C4%B1bm", "A*", "'",
)  # fmt: skip


@pytest.fixture
def untouched(world: World, redis: RedisServer) -> "object":
    """After the test, nothing was asked upstream and nothing stands in the store but what finding the key needs."""
    yield None
    assert world.upstream.calls == []
    with redis.client() as client:
        kept = set(client.scan_iter("*"))
    assert not [name for name in kept if not name.startswith(("dekr:{key:", "dekr:{a:"))]


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
        ("from=2100-01-01", "from"),
        ("timespan=minute&from=1976-01-01&to=2026-01-01", "from"),
        ("timespan=minute&from=1976-01-01", "from"),
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
    assert [path.rsplit("/", 1)[-1] for path in world.upstream.calls] == ["BACpL", "BRK.B"]


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
    assert answer.headers["X-Request-Id"] == "request-1"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "rest",
    ["x", "1.2.3.4", "\u00ff.1.1", "-9.1700000000000.1", "0.1700000000000.400000", "2.1.5", "1.2.50001", "1.2.-1"],
)
def test_a_cursor_that_was_made_by_hand_keeps_the_rules(world: World, rest: str) -> None:
    series = Series("AAPL", 1, Timespan.MINUTE, adjusted=True)
    forged = cursors.seal(bar_pages._scope(series, newest_first=False), rest)
    answer = world.get(f"/market-data/AAPL?timespan=minute&cursor={forged}", world.key())
    assert (answer.status, answer.json["code"]) == (422, "invalid_cursor")
