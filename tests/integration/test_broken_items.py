"""One broken item of the upstream's answer costs nobody else: it is left out, told in X-Data-Warning, also from the cache, and
counted in the log line."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from dekr.market.bars.model import PARTIAL_KEEP_US, SETTLED_KEEP_US
from tests.busy import MARKET, NAMES
from tests.redis_servers import RedisServer
from tests.world import World

DAY = "/market-data/AAPL?timespan=minute&from=2026-11-19&to=2026-11-19"
UNIVERSAL = "/v3/snapshot"
NEWS = "/v2/reference/news"
WARNING = "X-Data-Warning"

type Spoil = Callable[[list[Any]], None]


def spoiled(world: World, spoil: Spoil, path: str = "") -> None:
    """Let the upstream's usual lists, of paths that begin so, be changed by ``spoil`` before they are sent."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.startswith(path):
            return None
        world.upstream.answer = lambda _: None
        world.upstream.calls.pop()
        usual = world.upstream._handle(request)
        world.upstream.answer = answer
        body = usual.json()
        spoil(body.get("results") or body.get("tickers") or [])
        return httpx.Response(usual.status_code, json=body)

    world.upstream.answer = answer


def breaks(index: int, **fields: Any) -> Spoil:
    def spoil(items: list[Any]) -> None:
        if len(items) > index:
            items[index] = {**items[index], **fields}

    return spoil


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines of log that were written since the last look."""
    return lambda: [json.loads(text) for text in capsys.readouterr().out.splitlines()]


def test_a_broken_bar_costs_one_bar_and_the_cached_rest_still_says_so(
    world: World, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    key = world.key()
    spoiled(world, breaks(600, c=None))
    lines()
    first, again = world.get(DAY, key), world.get(DAY, key)
    assert (first.status, len(first.json)) == (200, 1439)
    assert again.headers["Cache-Status"].startswith("dekr; hit")
    assert first.headers[WARNING] == again.headers[WARNING] == "partial; dropped=1"
    missed, hit = lines()
    assert (missed["level"], missed["dropped"], hit["dropped"]) == ("WARNING", 1, 1)
    assert missed["upstream"][0]["dropped"] == 1
    assert missed["upstream"][0]["cause"].startswith("Aggregates: results.600.c")
    assert len(world.upstream.calls) == 1


def test_history_begins_no_later_for_a_broken_month(world: World) -> None:
    key = world.key()

    def young(request: httpx.Request) -> httpx.Response | None:
        """A ticker with hours since 2025-12-05, and a bar of each month since then, of which the first came broken."""
        start_ms, now_ms = 1_764_910_800_000, world.services.now_us() // 1000
        first_ms, last_ms = map(int, request.url.path.rsplit("/", 2)[-2:])
        step_ms = 3_600_000 * (30 * 24 if "/month/" in request.url.path else 1)
        times = [t for t in range(start_ms, min(last_ms, now_ms) + 1, step_ms) if t >= first_ms]
        bars = [{"t": t, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for t in times]
        if "/month/" in request.url.path:
            bars[0]["c"] = "?"  # type: ignore[assignment] # broken
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    world.upstream.answer = young
    found = world.get("/market-data/AAPL?timespan=hour&from=2020-01-01&to=2026-01-20", key)
    assert found.json[0]["timestamp"] == "2025-12-05T05:00:00Z"
    assert any("/month/" in path for path in world.upstream.calls)


def test_only_a_range_that_lacks_the_bar_says_so(world: World) -> None:
    key = world.key()
    spoiled(world, breaks(600, c=None))
    bars = world.get(DAY, key).json
    missing_ms = 1_795_046_400_000 + 5 * 3_600_000 + 600 * 60_000
    whole = "/market-data/AAPL?timespan=minute"
    assert WARNING not in world.get(f"{whole}&from=2026-11-19&to={missing_ms - 60_000}", key).headers
    assert world.get(f"{whole}&from={missing_ms}&to=2026-11-19", key).headers[WARNING] == "partial; dropped=1"
    assert WARNING not in world.get(f"{whole}&from={missing_ms + 60_000}&to=2026-11-19", key).headers
    assert len(world.upstream.calls) == 1
    assert bars[599]["timestamp"] != bars[600]["timestamp"]


def test_the_newest_bars_say_nothing_of_an_older_one(world: World) -> None:
    key = world.key()
    spoiled(world, breaks(1_440 + 300, c=None))
    told = {limit: world.get(f"/market-data/AAPL?timespan=minute&limit={limit}", key) for limit in (500, 300, 299)}
    assert {limit: answer.headers.get(WARNING) for limit, answer in told.items()} == {
        500: "partial; dropped=1",
        300: None,
        299: None,
    }
    assert len(world.upstream.calls) == 1


def test_bars_of_longer_windows_say_that_they_lack_a_minute(world: World) -> None:
    key = world.key(7)
    world.get("/market-data/AAPL?timespan=hour&limit=30", key)
    world.later(60)
    spoiled(world, breaks(1_440 + 300, c=None))
    minutes = world.get("/market-data/AAPL?timespan=minute&limit=500", key)
    assert minutes.headers[WARNING] == "partial; dropped=1"
    calls = len(world.upstream.calls)
    hours = world.get("/market-data/AAPL?timespan=hour&limit=30", key)
    assert (hours.headers[WARNING], len(hours.json)) == ("partial; dropped=1", 30)
    assert len(world.upstream.calls) == calls


def test_a_segment_that_lacks_a_bar_is_kept_for_an_hour_only(world: World, redis: RedisServer) -> None:
    key = world.key()
    spoiled(world, breaks(600, c=None))
    world.get(DAY, key)
    with redis.client() as client:
        (name,) = client.scan_iter("dekr:{AAPL}*bars*")
        assert client.pttl(name) <= PARTIAL_KEEP_US // 1_000 < SETTLED_KEEP_US // 1_000


def test_prices_that_can_hardly_be_true_pass_and_are_told(world: World) -> None:
    key = world.key()

    def odd(bars: list[Any]) -> None:
        breaks(5, o=0)(bars)
        breaks(6, h=1, l=2)(bars)

    spoiled(world, odd)
    for _ in range(2):
        answer = world.get(DAY, key)
        assert (len(answer.json), answer.headers[WARNING]) == (1440, "suspect; items=2")
    assert (answer.json[5]["open"], answer.json[6]["high"], answer.json[6]["low"]) == (0, 1, 2)
    polygon = world.get("/v2/aggs/ticker/AAPL/range/1/minute/2026-11-19/2026-11-19?limit=50000", key)
    assert polygon.headers[WARNING] == "suspect; items=2"


def test_what_is_stale_and_partial_says_both(world: World) -> None:
    key = world.key(7)
    path = "/market-data/AAPL?timespan=minute&limit=500"
    spoiled(world, breaks(1_440 + 300, c=None))
    assert world.get(path, key).headers[WARNING] == "partial; dropped=1"
    world.later(60)
    world.upstream.answer = lambda _: httpx.Response(503)
    warning = world.get(path, key).headers[WARNING]
    assert warning == 'stale; age=60; reason="upstream_unavailable", partial; dropped=1'


@pytest.mark.parametrize(
    ("fields", "warning"),
    [({"p": 2, "P": 1}, "suspect; items=1"), ({"p": 1, "P": 2}, None), ({"p": 0, "P": 2}, None), ({"P": None}, None)],
)
def test_a_bid_above_the_ask_passes_and_is_told(world: World, fields: dict[str, Any], warning: str | None) -> None:
    key = world.key()
    sent = {"T": "AAPL", "p": 1, "s": 2, "P": 1.5, "S": 3, "t": world.services.now_us() * 1000} | fields
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": sent})
    for path in ("/quote/AAPL", "/quote/AAPL", "/v2/last/nbbo/AAPL"):
        answer = world.get(path, key)
        assert (answer.status, answer.headers.get(WARNING)) == (200, warning)
    assert world.post("/quotes/batch", key, ["AAPL"]).headers.get(WARNING) == warning


def test_a_trade_at_a_price_of_zero_passes_and_is_told(world: World) -> None:
    key = world.key()
    sent = {"T": "AAPL", "p": 0, "s": 2, "t": world.services.now_us() * 1000}
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": sent})
    for _ in range(2):
        answer = world.get("/trade/AAPL", key)
        assert (answer.json["price"], answer.headers[WARNING]) == (0, "suspect; items=1")


def test_the_whole_market_lacks_one_ticker_and_says_so(world: World, lines: Callable[[], list[dict[str, Any]]]) -> None:
    key = world.key()
    world.upstream.listed = NAMES
    spoiled(world, breaks(3, lastQuote={"p": -1}))
    lines()
    answers = [world.get(MARKET, key, headers={"accept-encoding": "gzip"}) for _ in range(2)]
    for answer in answers:
        assert (answer.headers[WARNING], answer.json["count"]) == ("partial; dropped=1", len(NAMES) - 1)
    missed, hit = lines()
    assert (missed["dropped"], missed["upstream"][0]["dropped"], hit["dropped"]) == (1, 1, 1)


def test_a_shared_refresh_counts_what_the_market_lacks(busy: World, lines: Callable[[], list[dict[str, Any]]]) -> None:
    busy.later(4_000)
    spoiled(busy, breaks(3, lastQuote={"p": -1}), MARKET)
    lines()
    busy.get(f"/quote/{NAMES[10]}", busy.key())
    (found,) = lines()
    assert found["upstream"][0] | {"ms": 0, "cause": ""} == {
        "endpoint": "market", "outcome": "ok", "ms": 0, "dropped": 1, "cause": "",
    }  # fmt: skip
    assert found["level"] == "WARNING"


@pytest.mark.parametrize("error", ["", None])
def test_several_snapshots_lack_the_broken_one(world: World, error: str | None) -> None:
    key = world.key()
    world.upstream.listed = ("AAPL", "MSFT", "TSLA")
    spoiled(world, breaks(1, lastQuote={"p": -1}, last_quote={"bid": -1}, error=error))
    for _ in range(2):
        v2 = world.get(f"{MARKET}?tickers=AAPL,MSFT,TSLA", key)
        assert ([each["ticker"] for each in v2.json["tickers"]], v2.headers[WARNING]) == (
            ["AAPL", "TSLA"],
            "partial; dropped=1",
        )
        v3 = world.get(f"{UNIVERSAL}?ticker.any_of=AAPL,MSFT,TSLA", key)
        assert [each.get("error") or None for each in v3.json["results"]] == [None, "INVALID_DATA", None]
        assert v3.headers[WARNING] == "partial; dropped=1"
    assert len(world.upstream.calls) == 2


def test_a_crossed_snapshot_is_told(world: World) -> None:
    key = world.key()
    world.upstream.listed = ("AAPL", "MSFT")
    spoiled(world, breaks(1, last_quote={"bid": 2, "ask": 1, "last_updated": 1}))
    for _ in range(2):
        assert world.get(f"{UNIVERSAL}?ticker.any_of=AAPL,MSFT", key).headers[WARNING] == "suspect; items=1"
        assert WARNING not in world.get(f"{UNIVERSAL}?ticker.any_of=AAPL", key).headers


def test_a_broken_item_of_a_batch_comes_from_the_next_source(world: World) -> None:
    key = world.key()
    world.upstream.listed = ("AAPL", "MSFT", "TSLA")
    spoiled(world, breaks(1, last_quote={"bid": -1}), UNIVERSAL)
    answer = world.post("/quotes/batch", key, ["AAPL", "MSFT", "TSLA"])
    assert [quote["bid"] for quote in answer.json.values()] == [1, 2, 1]
    assert [path.split("/")[1] for path in world.upstream.calls] == ["v3", "v2"]


def test_a_close_that_is_broken_is_not_an_unknown_ticker(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"snapshot", "tickers"}
    world.upstream.listed = ("AAPL", "MSFT", "TSLA")
    spoiled(world, breaks(1, c=None), "/v2/aggs/grouped")
    found = world.post("/quotes/batch", key, ["AAPL", "MSFT", "TSLA"]).json
    assert found["MSFT"]["error"]["code"] == "upstream_invalid"
    assert found["AAPL"]["bid"] == found["TSLA"]["bid"]


def article(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "published_utc": "2026-11-20T14:00:00Z", "title": "t", "article_url": "u"} | fields


@pytest.mark.parametrize("path", ["/news?symbol=AAPL", "/news?symbol=AAPL&limit=50", f"{NEWS}?ticker=AAPL", "/news"])
def test_news_lack_the_broken_article_and_say_so(world: World, path: str) -> None:
    key = world.key()
    sent = [article("a", tickers=["AAPL"]), article("b", title=5, tickers=["AAPL"]), article("c", tickers=["AAPL"])]
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "count": 3, "results": sent})
    for _ in range(2):
        answer = world.get(path, key)
        found = answer.json.get("articles") or answer.json["results"]
        assert ([each["id"] for each in found], answer.headers[WARNING]) == (["a", "c"], "partial; dropped=1")
    assert len(world.upstream.calls) == 1


def test_ticks_from_the_future_are_left_out(world: World) -> None:
    key = world.key()
    now_ns = world.services.now_us() * 1000
    ticks = [{"sip_timestamp": ns, "bid_price": 1, "ask_price": 2} for ns in (now_ns, now_ns + 3_600 * 10**9)]
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": ticks})
    for _ in range(2):
        answer = world.get("/v3/quotes/AAPL", key)
        assert (len(answer.json["results"]), answer.headers[WARNING]) == (1, "partial; dropped=1")
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": ticks[1:]})
    assert world.get("/v3/quotes/MSFT", key).status == 502
