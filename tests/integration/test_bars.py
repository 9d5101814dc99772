"""The answers of the bars route and their upstream calls."""

import httpx
import pytest

from tests.redis_servers import RedisServer
from tests.world import World

DAY_MS = 86_400_000


def starts(answer: object) -> list[str]:
    return [bar["timestamp"] for bar in answer]  # type: ignore[attr-defined] # parsed JSON


def test_a_bar_has_its_fields_and_the_newest_come_last(world: World) -> None:
    answer = world.get("/market-data/AAPL?limit=3", world.key())
    assert answer.status == 200
    assert list(answer.json[0]) == [
        "symbol", "timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions",
    ]  # fmt: skip
    assert starts(answer.json) == ["2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"]
    assert answer.json[0]["vwap"] is None


@pytest.mark.parametrize("timespan", ["minute", "hour", "day", "week", "month"])
@pytest.mark.parametrize("limit", [1, 100, 777])
def test_limit_is_the_number_of_bars_for_every_timespan(world: World, timespan: str, limit: int) -> None:
    answer = world.get(f"/market-data/AAPL?timespan={timespan}&limit={limit}", world.key())
    expected = min(limit, 290) if timespan == "month" else limit
    found = starts(answer.json)
    assert len(found) >= expected if timespan == "month" else len(found) == expected
    assert found == sorted(set(found))


def test_any_range_inside_what_was_fetched_costs_no_call(world: World) -> None:
    key = world.key()
    world.get("/market-data/AAPL?from=2026-01-01&to=2026-11-20&limit=50000", key)
    calls = len(world.upstream.calls)
    world.later(3600)
    for query in ("from=2026-03-02&to=2026-06-01", "to=2026-05-01&limit=20", "from=2026-02-01&to=2026-02-03&sort=desc"):
        answer = world.get(f"/market-data/AAPL?{query}", key)
        assert answer.headers["Cache-Status"].startswith("dekr; hit"), query
        assert answer.json
    assert len(world.upstream.calls) == calls


def test_a_range_with_fewer_bars_than_the_limit_costs_one_call(world: World) -> None:
    answer = world.get("/market-data/AAPL?from=2026-11-02&to=2026-11-06", world.key())
    assert len(answer.json) == 5
    assert len(world.upstream.calls) == 1


def test_only_the_tail_ages(world: World) -> None:
    key = world.key(7)
    world.get("/market-data/AAPL?timespan=minute&limit=1200", key)
    world.later(31)
    world.get("/market-data/AAPL?timespan=minute&limit=1200", key)
    first, second = world.upstream.calls
    assert first != second
    assert second.split("/")[-2] > first.split("/")[-2]  # the second call starts later: only the last segment was stale
    world.get("/market-data/AAPL?timespan=minute&from=2026-11-19&to=2026-11-19", key)
    assert len(world.upstream.calls) == 2


def test_day_bars_age_by_the_historical_column(world: World) -> None:
    slow, quick = world.key(1, "slow"), world.key(7, "quick")
    world.get("/market-data/AAPL", slow)
    world.later(301)
    assert world.get("/market-data/AAPL", slow).headers["Cache-Status"].startswith("dekr; hit")
    assert world.get("/market-data/AAPL", quick).headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_adjusted_and_raw_bars_are_kept_apart(world: World) -> None:
    key = world.key()
    adjusted = world.get("/market-data/AAPL?limit=1", key).json
    raw = world.get("/market-data/AAPL?limit=1&adjusted=false", key).json
    assert adjusted[0]["open"] == 1
    assert raw[0]["open"] == 2


def test_a_split_never_leaves_prices_of_two_scales_in_one_answer(world: World) -> None:
    key = world.key(1)
    world.get("/market-data/AAPL?limit=400", key)
    world.get("/market-data/AAPL?limit=400&adjusted=false", key)
    world.to("2026-11-23T08:59:00Z")  # Monday, a minute before the first session: nothing can have split since
    assert (
        world.get("/market-data/AAPL?from=2025-02-01&to=2025-06-01", key)
        .headers["Cache-Status"]
        .startswith("dekr; hit")
    )
    world.to("2026-11-23T09:00:01Z")
    adjusted = world.get("/market-data/AAPL?limit=400", key)
    assert len({bar["open"] for bar in adjusted.json}) == 1  # all of one fetch
    raw = world.get("/market-data/AAPL?from=2025-02-01&to=2025-06-01&adjusted=false", key)
    assert raw.headers["Cache-Status"].startswith("dekr; hit")


def test_sort_turns_the_order_and_nothing_else(world: World) -> None:
    key = world.key()
    up = world.get("/market-data/AAPL?limit=50", key).json
    down = world.get("/market-data/AAPL?limit=50&sort=desc", key).json
    assert down == up[::-1]


def test_an_unknown_symbol_is_404_and_costs_three_calls_a_minute(world: World) -> None:
    """Its bars, its history, and the list of tickers, which alone says that there is no such one."""
    key = world.key()
    for _ in range(3):
        answer = world.get("/market-data/NONE", key)
        assert (answer.status, answer.json["code"]) == (404, "unknown_symbol")
    assert len(world.upstream.calls) == 3


def test_a_range_without_trading_of_a_known_symbol_is_empty(world: World) -> None:
    key = world.key()
    world.upstream.answer = lambda request: (
        httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "resultsCount": 0})
        if "/range/1/day/" in request.url.path
        else None
    )
    answer = world.get("/market-data/AAPL?from=2026-11-14&to=2026-11-20", key)
    assert (answer.status, answer.json) == (200, [])
    world.upstream.answer = lambda _: None
    world.later(61)
    assert world.get(
        "/market-data/AAPL?from=2026-11-14&to=2026-11-20", key
    ).json  # an empty answer is not kept for long


def test_an_empty_answer_never_replaces_bars(world: World) -> None:
    key = world.key(7)
    world.get("/market-data/AAPL?timespan=minute&limit=5", key)
    world.later(60)
    world.upstream.answer = lambda _: httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": []})
    answer = world.get("/market-data/AAPL?timespan=minute&limit=5", key)
    assert answer.headers["X-Data-Warning"].startswith("stale;")
    assert len(answer.json) == 5


@pytest.mark.parametrize(
    "results",
    [
        [{"t": t, "o": 1, "h": 2, "l": 1, "c": 1, "v": 1} for t in (3, 2, 1)],
        [{"t": 1, "o": 1, "h": 2, "l": 1, "c": 1}],
        [{"t": 2, "o": 1, "h": 2, "l": 1, "c": 1, "v": -1}],
        [{"t": 4102444800000, "o": 1, "h": 2, "l": 1, "c": 1, "v": 1}],
    ],
)
def test_broken_bars_are_502_and_never_cached(
    world: World, redis: RedisServer, results: list[dict[str, float]]
) -> None:
    world.upstream.answer = lambda _: httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": results})
    answer = world.get("/market-data/AAPL", world.key())
    assert (answer.status, answer.json["code"]) == (502, "upstream_invalid")
    with redis.client() as client:
        assert not list(client.scan_iter("dekr:{AAPL}*"))


def test_pages_of_the_upstream_are_followed_on_its_own_host_only(world: World) -> None:
    key = world.key()

    def paged(request: httpx.Request) -> httpx.Response:
        second = "cursor" in request.url.params
        bar = {"t": (1_763_600_000_000 if second else 1_763_500_000_000), "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
        body = {"ticker": "AAPL", "status": "OK", "results": [bar]}
        if not second:
            body["next_url"] = f"http://{host}/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=abc"
        return httpx.Response(200, json=body)

    host = "upstream.test"
    world.upstream.answer = paged
    assert len(world.get("/market-data/AAPL?from=2025-11-01&to=2025-12-01", key).json) == 2
    host = "elsewhere.test"
    answer = world.get("/market-data/MSFT?from=2025-11-01&to=2025-12-01", key)
    assert (answer.status, answer.json["code"]) == (502, "upstream_invalid")


def test_a_large_answer_comes_in_pages_that_join_without_gap_or_repeat(world: World) -> None:
    key = world.key()
    for order in ("asc", "desc"):
        found: list[str] = []
        path = f"/market-data/AAPL?timespan=minute&limit=50000&sort={order}"
        pages = 0
        while path:
            answer = world.get(path, key)
            assert answer.status == 200
            assert len(answer.text) <= 4_500_000
            found += starts(answer.json)
            link = answer.headers.get("Link")
            path = link.split("<")[1].split(">")[0] if link else ""
            pages += 1
        assert pages > 1
        assert len(found) == len(set(found)) == 50_000
        assert found == sorted(found, reverse=order == "desc")


def test_bars_that_the_plan_lacks_are_403_and_nobody_waits_for_them(world: World, redis: RedisServer) -> None:
    key = world.key()
    world.upstream.denied = {"range"}
    for _ in range(2):
        answer = world.get("/market-data/AAPL", key)
        assert (answer.status, answer.json["code"]) == (403, "upstream_not_entitled")
    with redis.client() as client:
        assert not (client.get("dekr:{upstream}:lease:bars:1:day:adj:AAPL") or "").startswith("h:")
    world.upstream.denied = set()
    assert world.get("/market-data/MSFT", key).status == 200  # a refusal of one range is not remembered for others


def test_the_end_of_the_plans_history_is_the_end_of_the_answer(world: World) -> None:
    def clipped(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path.split("/")
        too_old = "/range/1/day/" in request.url.path and int(path[-1]) < 1_700_000_000_000
        return httpx.Response(403, json={"status": "NOT_AUTHORIZED", "message": "timeframe"}) if too_old else None

    world.upstream.answer = clipped
    answer = world.get("/market-data/AAPL?limit=1500&to=2024-06-01", world.key())
    assert answer.status == 200
    assert answer.json


def test_minutes_that_the_plan_lacks_do_not_take_the_day_bars_with_them(world: World) -> None:
    key = world.key()
    world.upstream.denied = {"nbbo", "snapshot", "range/1/minute"}
    assert world.get("/quote/AAPL", key).headers["X-Data-Source"] == "previous_close"
    assert world.get("/market-data/MSFT?limit=2", key).status == 200


def test_nothing_grows_too_old_while_the_reader_waits_for_the_rest(world: World) -> None:
    key = world.key(7)
    world.get("/market-data/AAPL?timespan=minute&limit=5", key)
    world.later(29.5)
    world.upstream.before = lambda _: world.later(5)
    answer = world.get("/market-data/AAPL?timespan=minute&limit=900", key)
    assert answer.json[-1]["open"] == len(world.upstream.calls)  # the tail is of the last fetch
    assert answer.headers["Age"] in ("5", "6")
    assert answer.headers["Cache-Control"] in ("private, max-age=24", "private, max-age=25")


def test_the_age_is_that_of_what_was_read_last(world: World) -> None:
    """The read of a sparse ticker goes farther back, and the tail that is fetched along is fresh again."""
    key = world.key(7)

    def sparse(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path.split("/")
        if "minute" not in path:
            return None
        starts = range(int(path[-2]), min(int(path[-1]), world.upstream.now_us() // 1000), 3_600_000)
        bars = [{"t": t, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for t in starts]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    world.upstream.answer = sparse
    world.get("/market-data/AAPL?timespan=minute&limit=5", key)
    world.later(20)
    answer = world.get("/market-data/AAPL?timespan=minute&limit=50", key)
    assert len(answer.json) == 50
    assert answer.headers["Age"] == "0"
    assert answer.headers["Cache-Control"] in ("private, max-age=29", "private, max-age=30")


def test_a_ticker_with_a_short_history_costs_few_calls(world: World) -> None:
    key = world.key()
    listed_ms = int(world.upstream.now_us() / 1000) - DAY_MS

    def young(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path.split("/")
        if "/range/" not in request.url.path:
            return None
        step = {"minute": 60_000, "month": 30 * DAY_MS}[path[7]]
        first = max(int(path[-2]), listed_ms)
        starts = range(first // step * step, min(int(path[-1]), world.upstream.now_us() // 1000), step)
        bars = [{"t": t, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for t in starts if t + step > listed_ms]
        return httpx.Response(200, json={"ticker": "NEWW", "status": "OK", "results": bars})

    world.upstream.answer = young
    answer = world.get("/market-data/NEWW?timespan=minute&limit=50000", key)
    assert answer.status == 200
    assert 1_000 < len(answer.json) < 2_000
    assert len(world.upstream.calls) <= 4
    calls = len(world.upstream.calls)
    world.get("/market-data/NEWW?timespan=minute&limit=50000", key)
    assert len(world.upstream.calls) == calls


def test_a_day_that_is_published_late_is_fetched_again(world: World) -> None:
    key = world.key()
    world.to("2026-11-20T01:21:00Z")  # 20:21 in New York, after the 19th
    late = "/market-data/AAPL?timespan=minute&limit=700&adjusted=false"

    def without_the_day(_: httpx.Request) -> httpx.Response:
        bars = [{"t": 1_795_010_400_000 + n * 60_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for n in range(600)]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    world.upstream.answer = without_the_day
    world.get(late, key)
    world.upstream.answer = lambda _: None
    world.later(3600)
    days = {bar["timestamp"][:10] for bar in world.get(late, key).json}
    assert "2026-11-19" in days


def test_a_request_that_reads_nothing_pays_all_the_same(world: World) -> None:
    key = world.key(1)
    statuses = [world.get("/market-data/AAPL?to=1999-01-01", key).status for _ in range(12)]
    assert statuses == [200] * 10 + [429] * 2
    assert world.get("/market-data/NONE?to=1999-01-01", world.key(user="other")).status == 404


def test_windows_of_many_days_wait_for_their_own_end(world: World) -> None:
    key = world.key()
    world.to("2027-01-01T02:00:00Z")
    path = "/market-data/AAPL?multiplier=10&from=2026-12-01&to=2026-12-31&adjusted=false"
    world.get(path, key)
    world.to("2027-02-01T20:00:00Z")
    assert world.get(path, key).headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_pages_that_never_end_are_refused(world: World) -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        number = len(world.upstream.calls)
        body = {
            "ticker": "AAPL",
            "status": "OK",
            "results": [],
            "next_url": f"{request.url.copy_with(query=None)}?p={number}",
        }
        return httpx.Response(200, json=body)

    world.upstream.answer = endless
    answer = world.get("/market-data/AAPL", world.key())
    assert (answer.status, answer.json["code"]) == (502, "upstream_invalid")
    assert len(world.upstream.calls) <= 3


def minutes(world: World, ticker: str, between: int) -> None:
    """Let the upstream have a bar in every so many minutes of the trading day, which begins at 09:00 UTC."""

    def answer(request: httpx.Request) -> httpx.Response:
        first, last = map(int, request.url.path.split("/")[-2:])
        step = between * 60_000
        starts = range(-(-first // step) * step, min(last, world.upstream.now_us() // 1000), step)
        bars = [{"t": t, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for t in starts if t % DAY_MS >= 9 * 3_600_000]
        return httpx.Response(200, json={"ticker": ticker, "status": "OK", "results": bars})

    world.upstream.answer = answer


def test_in_the_first_hours_the_day_before_comes_in_the_same_call(world: World) -> None:
    world.to("2026-11-20T09:30:00Z")  # 04:30 in New York: thirty minutes of the day have begun
    minutes(world, "AAPL", 1)
    answer = world.get("/market-data/AAPL?timespan=minute&limit=100", world.key())
    assert len(answer.json) == 100
    assert len(world.upstream.calls) == 1


def test_behind_a_quiet_day_the_one_before_is_read_without_a_call_for_the_start_of_history(world: World) -> None:
    world.to("2026-11-20T20:00:00Z")
    minutes(world, "QUIE", 60)
    answer = world.get("/market-data/QUIE?timespan=minute&limit=20", world.key())
    assert len(answer.json) == 20
    assert len(world.upstream.calls) == 2
    assert not any("/month/" in path for path in world.upstream.calls)


def test_before_the_day_begins_only_the_days_before_are_fetched(world: World) -> None:
    world.to("2026-11-20T06:00:00Z")  # 01:00 in New York
    minutes(world, "AAPL", 1)
    answer = world.get("/market-data/AAPL?timespan=minute&limit=1", world.key())
    assert starts(answer.json) == ["2026-11-19T23:59:00Z"]
    assert len(world.upstream.calls) == 1


def test_the_days_before_a_new_listing_are_not_fetched_again_and_again(world: World) -> None:
    key = world.key()
    world.to("2026-11-02T16:00:00Z")
    now_ms, november_ms = world.upstream.now_us() // 1000, 1_793_505_600_000

    def young(request: httpx.Request) -> httpx.Response:
        first, last = map(int, request.url.path.split("/")[-2:])
        minutes = range(max(first, now_ms - 3_600_000), min(last, world.upstream.now_us() // 1000), 60_000)
        found = [november_ms] if "/month/" in request.url.path else minutes
        bars = [{"t": t, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for t in found]
        return httpx.Response(200, json={"ticker": "NEWW", "status": "OK", "results": bars})

    world.upstream.answer = young
    calls = []
    for _ in range(4):
        before = len(world.upstream.calls)
        assert world.get("/market-data/NEWW?timespan=minute&limit=100", key).status == 200
        calls.append(len(world.upstream.calls) - before)
        world.later(70)
    assert calls == [3, 1, 1, 1]
