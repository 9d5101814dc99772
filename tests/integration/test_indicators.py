"""The answers of the indicator routes and their upstream calls."""

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from massive.rest.models import MACDIndicatorResults, SingleIndicatorResults

from dekr.http.native.indicators import IndicatorQuery
from dekr.http.polygon.indicators import IndicatorQuery as PolygonQuery
from dekr.market.bars.segments import Series, Timespan
from dekr.market.indicators.study import Indicator, Price, Study
from tests.redis_servers import RedisServer
from tests.still_link import still_link
from tests.world import CURSORS, Answer, World

DAY_MS = 86_400_000
STEP_MS = {"minute": 60_000, "day": DAY_MS, "month": 30 * DAY_MS}
NOW = "2026-11-20T15:00:00Z"
START = "2018-01-01"
"""The first day of the ticker's history."""

KINDS = ("sma", "ema", "macd", "rsi")


def ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment if "T" in moment else f"{moment}T00:00:00Z").timestamp() * 1000)


def listed_since(day: str) -> Callable[[httpx.Request], httpx.Response]:
    """An upstream on which a ticker's bars begin on a day; their prices are those of ``close``, in cents."""

    def answer(request: httpx.Request) -> httpx.Response:
        parts = request.url.path.split("/")
        step, first, last = STEP_MS[parts[-3]], max(int(parts[-2]), ms(day)), min(int(parts[-1]), ms(NOW))
        bars = [
            {"t": at, "o": close(at) + 1, "h": close(at) + 2, "l": close(at) - 1, "c": close(at), "v": 100}
            for at in range(-(-first // step) * step, last + 1, step)
        ]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    return answer


def close(at_ms: int) -> float:
    """A price that goes up and down without any order, and with time upwards."""
    place = at_ms // 60_000
    return round(100 + place * 2_654_435_761 % 2**32 / 2**28 + place / 10**6, 2)


@pytest.fixture
def market(world: World) -> World:
    """The service on an upstream whose prices move."""
    world.upstream.answer = listed_since(START)
    return world


def days_until_now(first: str = START) -> list[int]:
    return list(range(ms(first), ms(NOW), DAY_MS))


def model(kind: str, closes: list[float], *windows: int) -> list[dict[str, float]]:
    """The indicator by its definition from the first close on; the last value belongs to the last close."""
    if kind == "sma":
        (n,) = windows
        return [{"value": sum(closes[end - n : end]) / n} for end in range(n, len(closes) + 1)]
    if kind == "ema":
        (n,) = windows
        return [{"value": value} for value in smoothed(closes, n, 2 / (n + 1))]
    if kind == "rsi":
        (n,) = windows
        moves = [after - before for before, after in pairwise(closes)]
        gains, losses = (smoothed([max(sign * move, 0) for move in moves], n, 1 / n) for sign in (1, -1))
        return [{"value": 100 - 100 / (1 + gain / loss)} for gain, loss in zip(gains, losses, strict=True)]
    short, long, n = windows
    slow = smoothed(closes, long, 2 / (long + 1))
    quick = smoothed(closes, short, 2 / (short + 1))[-len(slow) :]
    lines = [one - other for one, other in zip(quick, slow, strict=True)]
    signals = smoothed(lines, n, 2 / (n + 1))
    return [
        {"value": line, "signal": signal, "histogram": line - signal}
        for line, signal in zip(lines[n - 1 :], signals, strict=True)
    ]


def smoothed(values: list[float], n: int, weight: float) -> list[float]:
    found = [sum(values[:n]) / n]
    for value in values[n:]:
        found.append(found[-1] + weight * (value - found[-1]))
    return found


DEFAULT_WINDOWS = {"sma": (50,), "ema": (50,), "macd": (12, 26, 9), "rsi": (14,)}


def numbers(values: list[dict[str, Any]]) -> list[float]:
    return [value[name] for value in values for name in ("value", "signal", "histogram") if name in value]


def next_of(answer: Answer) -> str | None:
    link = answer.headers.get("Link")
    return link.split("<")[1].split(">")[0] if link else None


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_values_are_those_of_the_full_history(market: World, kind: str) -> None:
    answer = market.get(f"/indicators/AAPL/{kind}?limit=5", market.key())
    assert answer.status == 200
    expected = model(kind, [close(at) for at in days_until_now()], *DEFAULT_WINDOWS[kind])[-5:]
    assert numbers(answer.json) == pytest.approx(numbers(expected), rel=1e-9, abs=1e-9)
    assert [value["timestamp"] for value in answer.json] == [f"2026-11-{day}T00:00:00Z" for day in range(16, 21)]
    assert list(answer.json[0]) == ["symbol", "timestamp", *expected[0]]
    assert answer.json[0]["symbol"] == "AAPL"


@pytest.mark.parametrize("kind", KINDS)
def test_values_in_the_middle_of_a_range_are_those_of_the_full_history(market: World, kind: str) -> None:
    answer = market.get(f"/indicators/AAPL/{kind}?from=2024-03-01&to=2024-03-31&sort=desc", market.key())
    days = days_until_now()
    values = model(kind, [close(at) for at in days], *DEFAULT_WINDOWS[kind])
    of_day = dict(zip(days[-len(values) :], values, strict=True))
    requested = [at for at in days if ms("2024-03-01T05:00:00Z") <= at < ms("2024-04-01T04:00:00Z")]
    assert [ms(value["timestamp"]) for value in answer.json] == requested[::-1]
    assert numbers(answer.json) == pytest.approx(numbers([of_day[at] for at in requested[::-1]]), rel=1e-9, abs=1e-9)


def test_an_indicator_on_cached_bars_costs_no_call(market: World) -> None:
    key = market.key()
    market.get("/market-data/AAPL?limit=3000", key)
    market.get("/market-data/AAPL?timespan=minute&limit=10000", key)
    calls = len(market.upstream.calls)
    for kind in KINDS:
        for path in (
            f"/indicators/AAPL/{kind}?limit=200",
            f"/indicators/AAPL/{kind}?from=2026-01-01&to=2026-06-30",
            f"/indicators/AAPL/{kind}?timespan=minute&series_type=high",
            f"/v1/indicators/{kind}/AAPL?limit=100",
            f"/v1/indicators/{kind}/AAPL?timestamp.gte=2026-02-01&order=asc",
        ):
            answer = market.get(path, key)
            assert answer.status == 200, path
            assert answer.headers["Cache-Status"].startswith("dekr; hit"), path
    assert len(market.upstream.calls) == calls


def test_the_windows_and_the_price_are_the_callers(market: World) -> None:
    key = market.key()
    closes = [close(at) for at in days_until_now()]
    short = market.get("/indicators/AAPL/sma?window=3&limit=1", key).json
    assert short[0]["value"] == pytest.approx(sum(closes[-3:]) / 3)
    for price, more in (("open", 1), ("high", 2), ("low", -1), ("close", 0)):
        found = market.get(f"/indicators/AAPL/ema?window=1&limit=1&series_type={price}", key).json
        assert found[0]["value"] == pytest.approx(closes[-1] + more)
    macd = market.get("/indicators/AAPL/macd?short_window=3&long_window=7&signal_window=4&limit=1", key).json
    assert numbers(macd) == pytest.approx(numbers(model("macd", closes, 3, 7, 4)[-1:]))
    assert (
        market.get("/indicators/AAPL/sma", key).json
        == market.get(
            "/indicators/AAPL/sma?timespan=day&window=50&series_type=close&adjusted=true&limit=100&sort=asc", key
        ).json
    )


def test_windows_of_five_minutes(market: World) -> None:
    key = market.key()

    def fives(request: httpx.Request) -> httpx.Response:
        first, last = (int(part) for part in request.url.path.split("/")[-2:])
        starts = range(-(-first // 300_000) * 300_000, min(last, ms(NOW)) + 1, 300_000)
        bars = [{"t": at, "o": 1, "h": 1, "l": 1, "c": close(at), "v": 1} for at in starts]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    market.upstream.answer = fives
    found = market.get("/indicators/AAPL/sma?timespan=minute&multiplier=5&window=2&limit=2", key).json
    last = ms(NOW)
    assert [ms(value["timestamp"]) for value in found] == [last - 300_000, last]
    assert found[1]["value"] == pytest.approx((close(last) + close(last - 300_000)) / 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_young_tickers_values_begin_where_they_are_defined(market: World, kind: str) -> None:
    key = market.key()
    market.upstream.answer = listed_since("2026-09-01")
    days = days_until_now("2026-09-01")
    expected = model(kind, [close(at) for at in days], *DEFAULT_WINDOWS[kind])
    upwards = market.get(f"/v1/indicators/{kind}/AAPL?order=asc&limit=5000", key).json["results"]["values"]
    assert [value["timestamp"] for value in upwards] == days[-len(expected) :]
    assert numbers(upwards) == pytest.approx(numbers(expected), rel=1e-9, abs=1e-9)
    downwards = market.get(f"/v1/indicators/{kind}/AAPL?limit=5000", key).json["results"]["values"]
    assert downwards == upwards[::-1]
    assert len(market.get(f"/v1/indicators/{kind}/AAPL?order=asc&limit=3", key).json["results"]["values"]) == 3
    assert len(market.get(f"/indicators/AAPL/{kind}?from=2026-08-01", key).json) == len(expected)
    assert market.get(f"/indicators/AAPL/{kind}?from=2026-09-01&to=2026-09-05", key).json == []


def test_sort_turns_the_order_and_nothing_else(market: World) -> None:
    key = market.key()
    up = market.get("/indicators/AAPL/macd?limit=50", key).json
    assert market.get("/indicators/AAPL/macd?limit=50&sort=desc", key).json == up[::-1]


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_a_long_range_comes_in_pages_that_join(market: World, sort: str) -> None:
    key = market.key()
    path: str | None = f"/indicators/AAPL/rsi?timespan=minute&from=2026-11-16&to=2026-11-19&sort={sort}"
    found: list[dict[str, Any]] = []
    pages = 0
    while path:
        answer = market.get(path, key)
        found += answer.json
        path = next_of(answer)
        pages += 1
    assert pages == 2
    starts = [ms(value["timestamp"]) for value in found]
    expected = [ms("2026-11-16T05:00:00Z") + minute * 60_000 for minute in range(4 * 1_440)]
    assert starts == (expected if sort == "asc" else expected[::-1])
    before = [ms("2026-11-12T05:00:00Z") + minute * 60_000 for minute in range(2 * 1_440)]  # a weekend lies between
    values = model("rsi", [close(at) for at in before + expected], 14)[-len(expected) :]
    assert numbers(found) == pytest.approx(numbers(values[:: 1 if sort == "asc" else -1]), rel=1e-9)


@pytest.fixture(scope="module")
def settled(redis_server: RedisServer) -> Iterator[tuple[World, str]]:
    """A service whose store is not emptied between examples, only before the first one."""
    with redis_server.client() as client:
        client.flushall()
    link = still_link(redis_server.url)
    made = World(link)
    made.to("2026-11-21T12:00:00Z")
    made.upstream.answer = listed_since("2026-07-01")
    yield made, made.key()
    link.close()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    kind=st.sampled_from(KINDS),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(5, 90),
    first=st.sampled_from(["", "2026-06-01", "2026-08-15"]),
    last=st.sampled_from(["", "2026-10-31"]),
)
def test_compatible_pages_are_the_whole(
    settled: tuple[World, str], kind: str, order: str, limit: int, first: str, last: str
) -> None:
    world, key = settled
    path = f"/v1/indicators/{kind}/AAPL"
    query = f"order={order}" + (f"&timestamp.gte={first}" if first else "") + (f"&timestamp.lte={last}" if last else "")
    whole = world.get(f"{path}?{query}&limit=5000", key).json
    assert "next_url" not in whole
    answer = world.get(f"{path}?{query}&limit={limit}", key).json
    paged = answer["results"]["values"]
    while "next_url" in answer:
        assert len(answer["results"]["values"]) == limit
        world.later(1)
        parts = urlsplit(answer["next_url"])
        assert parts[:2] == ("https", "api.dekr.test")
        answer = world.get(f"{parts.path}?{parts.query}", key).json
        paged += answer["results"]["values"]
    values = whole["results"]["values"]
    assert values
    assert [value["timestamp"] for value in paged] == [value["timestamp"] for value in values]
    assert numbers(paged) == pytest.approx(numbers(values), rel=1e-9, abs=1e-9)


def test_the_compatible_shape_is_what_the_official_client_reads(market: World) -> None:
    key = market.key()
    sent = market.get("/v1/indicators/sma/AAPL", key).json
    assert (sent["status"], set(sent)) == ("OK", {"status", "request_id", "results", "next_url"})
    found = SingleIndicatorResults.from_dict(sent["results"])
    assert len(found.values) == 10
    assert found.values[0].timestamp == ms("2026-11-20")
    assert [value.timestamp for value in found.values] == sorted((v.timestamp for v in found.values), reverse=True)
    assert found.underlying.aggregates == []
    macd = MACDIndicatorResults.from_dict(market.get("/v1/indicators/macd/AAPL?limit=2", key).json["results"])
    assert all(value.histogram == value.value - value.signal for value in macd.values)


def test_the_underlying_bars_are_named_and_shown_on_request(market: World) -> None:
    key = market.key()
    path = "/v1/indicators/sma/AAPL?window=5&limit=2&timestamp.lte=2026-11-10"
    plain = market.get(path, key).json["results"]
    shown = market.get(f"{path}&expand_underlying=true", key).json["results"]
    assert "aggregates" not in plain["underlying"]
    assert shown["values"] == plain["values"]
    url = urlsplit(shown["underlying"]["url"])
    assert (url.netloc, parse_qs(url.query)["adjusted"]) == ("api.dekr.test", ["true"])
    followed = market.get(f"{url.path}?{url.query}", key)
    assert followed.json["results"][::-1] == shown["underlying"]["aggregates"]
    closes = [bar["c"] for bar in shown["underlying"]["aggregates"]]
    assert shown["values"][0]["value"] == pytest.approx(sum(closes[-5:]) / 5)
    assert shown["values"][1]["value"] == pytest.approx(sum(closes[-6:-1]) / 5)
    upwards = market.get("/v1/indicators/sma/AAPL?window=5&limit=2&order=asc&expand_underlying=true", key).json[
        "results"
    ]
    assert [bar["t"] for bar in upwards["underlying"]["aggregates"]] == days_until_now()[:6]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("timestamp=2026-11-10", [10]),
        (f"timestamp={ms('2026-11-10T05:00:00Z')}", [10]),
        ("timestamp.gte=2026-11-18", [20, 19, 18]),
        ("timestamp.gt=2026-11-18", [20, 19]),
        ("timestamp.gte=2026-11-02&timestamp.lt=2026-11-05", [4, 3, 2]),
        ("timestamp.gte=2026-11-02&timestamp.lte=2026-11-05", [5, 4, 3, 2]),
        (f"timestamp.gt={ms('2026-11-03T05:00:00Z')}&timestamp.lt={ms('2026-11-05T05:00:00Z')}", [4]),
    ],
)
def test_the_filters_by_time(world: World, query: str, days: list[int]) -> None:
    def eastern_days(request: httpx.Request) -> httpx.Response:
        first, last = (int(part) for part in request.url.path.split("/")[-2:])
        starts = range(ms("2026-11-01T05:00:00Z") - 40 * DAY_MS, min(last, ms(NOW)) + 1, DAY_MS)
        bars = [{"t": at, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for at in starts if at >= first]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    world.upstream.answer = eastern_days
    values = world.get(f"/v1/indicators/sma/AAPL?window=2&{query}", world.key()).json["results"]["values"]
    assert [value["timestamp"] for value in values] == [ms(f"2026-11-{day:02}T05:00:00Z") for day in days]


def test_csv(market: World) -> None:
    key = market.key()
    answer = market.get("/indicators/AAPL/macd?limit=2", key, headers={"accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = [line.split(",") for line in answer.text.splitlines()]
    assert rows[0] == ["symbol", "timestamp", "value", "signal", "histogram"]
    found = market.get("/indicators/AAPL/macd?limit=2", key).json
    assert [[row[0], row[1], *map(float, row[2:])] for row in rows[1:]] == [list(value.values()) for value in found]
    paged = market.get("/indicators/AAPL/sma?timespan=minute&from=2026-11-10&format=csv", key)
    following = next_of(paged)
    assert following
    assert market.get(following, key).text.startswith("symbol,timestamp,value\r\n")


def test_an_indicator_is_as_old_as_its_bars(market: World) -> None:
    slow, quick = market.key(1, "slow"), market.key(7, "quick")
    market.get("/market-data/AAPL?limit=3000", slow)
    market.later(301)
    answer = market.get("/indicators/AAPL/sma", slow)
    assert (answer.headers["Age"], answer.headers["X-Data-Source"]) == ("301", "aggregates")
    again = market.get("/indicators/AAPL/sma", slow, headers={"if-none-match": answer.headers["ETag"]})
    assert (again.status, again.text) == (304, "")
    assert market.get("/indicators/AAPL/sma", quick).headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_an_unknown_symbol_is_404(world: World) -> None:
    key = world.key()
    assert world.get("/indicators/NONE/rsi", key).json["code"] == "unknown_symbol"
    answer = world.get("/v1/indicators/rsi/NONE", key)
    assert (answer.status, answer.json["status"]) == (404, "NOT_FOUND")


BAD = [
    ("sma", "window=0", "window"),
    ("ema", "window=10000", "window"),
    ("rsi", "window=1001", "window"),
    ("sma", "window=-1", "window"),
    ("sma", "window=1_0", "window"),
    ("sma", "window=2.5", "window"),
    ("sma", "signal_window=9", "signal_window"),
    ("rsi", "short_window=9", "short_window"),
    ("macd", "window=9", "window"),
    ("macd", "short_window=26", "short_window"),
    ("macd", "long_window=12", "short_window"),
    ("macd", "signal_window=0", "signal_window"),
    ("vwap", "", "indicator"),
    ("SMA", "", "indicator"),
    ("sma", "timespan=fortnight", "timespan"),
    ("sma", "series_type=vwap", "series_type"),
    ("sma", "adjusted=1", "adjusted"),
    ("sma", "limit=0", "limit"),
    ("sma", "cursor=abc", "cursor"),
    ("sma", "colour=red", "colour"),
]


@pytest.fixture
def untouched(world: World, redis: RedisServer) -> Iterator[None]:
    """Check after the test that no upstream call was made and that the store holds only the key that was read and the charge."""
    yield
    assert world.upstream.calls == []
    with redis.client() as client:
        kept = set(client.scan_iter("*"))
    assert not [name for name in kept if not name.startswith(("dekr:{key:", "dekr:{a:", "dekr:{u:"))]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("kind", "query", "field"),
    [
        *BAD,
        ("sma", "window=", "window"),
        ("sma", "limit=5001", "limit"),
        ("sma", "multiplier=0", "multiplier"),
        ("sma", "sort=up", "sort"),
        ("sma", "from=2026-11-02&to=2026-11-01", "from"),
        ("sma", "to=yesterday", "to"),
        ("sma", "expand_underlying=true", "expand_underlying"),
    ],
)
def test_a_parameter_that_breaks_its_rule(world: World, kind: str, query: str, field: str) -> None:
    answer = world.get(f"/indicators/AAPL/{kind}?{query}".rstrip("?"), world.key())
    assert (answer.status, answer.json["field"]) == (422, field)
    assert answer.json["detail"].startswith(f"{field}: ")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("kind", "query", "field"),
    [
        *BAD,
        ("sma", "order=up", "order"),
        ("sma", "timestamp.lt=1795186800", "timestamp.lt"),
        ("sma", "timestamp.gt=2026-11-01&timestamp.lt=2026-10-01", "timestamp"),
        ("sma", "expand_underlying=yes", "expand_underlying"),
        ("rsi", "expand_underlying=true&window=1000", "expand_underlying"),
        ("sma", "multiplier=5", "multiplier"),
        ("sma", "tier=1", "tier"),
    ],
)
def test_a_compatible_parameter_that_breaks_its_rule(world: World, kind: str, query: str, field: str) -> None:
    answer = world.get(f"/v1/indicators/{kind}/AAPL?{query}".rstrip("?"), world.key())
    assert (answer.status, answer.json["status"]) == (400, "ERROR")
    assert answer.json["error"].startswith(f"{field}: ")


def test_the_text_names_the_four_indicators(world: World) -> None:
    detail = world.get("/indicators/AAPL/vwap", world.key()).json["detail"]
    assert all(kind in detail for kind in KINDS)


def test_a_cursor_belongs_to_its_query(market: World) -> None:
    key = market.key()
    own = next_of(market.get("/indicators/AAPL/sma?timespan=minute&from=2026-11-10", key))
    url = urlsplit(market.get("/v1/indicators/sma/AAPL", key).json["next_url"])
    compatible = f"{url.path}?{url.query}"
    assert own
    calls = len(market.upstream.calls)
    for path, order in ((own, ("sort=asc", "sort=desc")), (compatible, ("order=desc", "order=asc"))):
        assert market.get(path, key).status == 200
        for changed in (
            path.replace("AAPL", "MSFT"),
            path.replace("window=50", "window=51"),
            path.replace("/sma", "/ema"),
            path.replace("close", "open"),
            path.replace(*order),
            path[:-1] + ("A" if path[-1] != "A" else "B"),
        ):
            assert changed != path
            answer = market.get(changed, key)
            assert answer.status in (400, 422), changed
            assert "cursor: " in answer.text
    assert len(market.upstream.calls) == calls


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("rest", ["x", "1", "2.1", "1.2.3", "-1.5", f"1.{10**16}", "\u0661.2"])
def test_a_cursor_that_was_made_by_hand_keeps_the_rules(world: World, rest: str) -> None:
    series, study = Series("AAPL", 1, Timespan.DAY, adjusted=True), Study(Indicator.SMA, (50,), Price.CLOSE)
    own = IndicatorQuery.parse(CURSORS, series, study, None, None, None, None, newest_first=True, now_ms=0).page
    compatible = PolygonQuery.parse(CURSORS, series, study, {}, True, 10, False, None, math.inf).page
    for page, path in ((own, "/indicators/AAPL/sma?sort=desc&"), (compatible, "/v1/indicators/sma/AAPL?")):
        forged = CURSORS.seal(page._sealed_scope, rest)
        assert "cursor: is not one" in world.get(f"{path}cursor={forged}", world.key()).text
