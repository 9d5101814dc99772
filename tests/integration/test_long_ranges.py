"""Ranges of bars that take many upstream calls: what was fetched is kept, so that they come to an end, whatever ends a fetch; one
of them neither takes everybody's budget nor keeps others from the newest bars."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from random import Random
from threading import Event, Thread

import httpx
import pytest

from dekr.market.bars.limits import MAX_CALLS
from dekr.sessions import eastern_date, eastern_midnight_us
from dekr.store.link import Link
from tests.fakes.paged_bars import PagedBars
from tests.fakes.upstream import FakeUpstream
from tests.patience import HANG_S
from tests.redis_servers import RedisServer
from tests.still_link import still_link
from tests.world import Answer, World

FRIDAY = "2026-11-20T15:00:00Z"
DEEP = "/market-data/AAPL?timespan=hour&limit=2500"
"""Some seven pages of history, and the newest month."""

MAX_TRIES = 100


def world_on(link: Link, per_minute: int = 6_000, *, repeats: bool = False) -> tuple[World, PagedBars]:
    upstream = FakeUpstream()
    world = World(link, upstream, per_minute=per_minute)
    world.to(FRIDAY)
    upstream.answer = bars = PagedBars(world.services.now_us, repeats=repeats)
    return world, bars


@pytest.fixture
def other_link(redis: RedisServer) -> Iterator[Link]:
    """Another sandbox's link to the same store."""
    link = still_link(redis.url)
    yield link
    link.close()


def midnight_ms(moment: str) -> int:
    """The midnight (Eastern) before a moment."""
    return eastern_midnight_us(eastern_date(int(datetime.fromisoformat(moment).timestamp() * 1e6))) // 1000


def retry_after_s(answer: Answer) -> int:
    assert answer.status in (429, 503), answer
    return int(answer.headers["Retry-After"])


def until_answered(world: World, path: str, tier: int) -> tuple[Answer, int]:
    """The answer that a user gets who tries again whenever Retry-After says so, each time from a sandbox without copies of its
    own; and how many tries that took."""
    key = world.key(tier)
    for tries in range(1, MAX_TRIES):
        answer = World(world.store, world.upstream, world.directory, per_minute=world.per_minute).get(path, key)
        if answer.status == 200:
            return answer, tries
        world.later(retry_after_s(answer))
    raise AssertionError(f"no answer after {MAX_TRIES} tries: {answer}")


def fetched_twice(bars: PagedBars) -> list[tuple[int, int]]:
    """The pages that begin before the end of another one. One that shares only the bar that the upstream itself repeats does not
    count.
    """
    spans = sorted(bars.spans)
    return [later for page, later in pairwise(spans) if later[0] < page[1] + (not bars.repeats)]


def a_path(draw: Random, *, live: bool) -> str:
    """The path of a page of a random series and range; ``live``: one that may go up to the present moment."""
    timespan, multiplier = draw.choice((("hour", 1), ("hour", 3), ("minute", 1), ("minute", 15), ("minute", 30)))
    query = f"timespan={timespan}&multiplier={multiplier}&adjusted={draw.choice(('true', 'false'))}"
    if live and draw.random() < 0.5:
        per_day = {"hour": 7, "minute": 390}[timespan] // multiplier
        return f"/market-data/AAPL?{query}&limit={min(50_000, per_day * draw.randint(1, 700))}"
    last = f"2026-{draw.randint(1, 10):02d}-{draw.randint(1, 28):02d}"
    first = f"{draw.randint(2023, 2025)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}"
    return f"/market-data/AAPL?{query}&from={first}&to={last}&sort={draw.choice(('asc', 'desc'))}"


@pytest.mark.parametrize("seed", range(24))
def test_who_obeys_retry_after_gets_the_answer_in_the_calls_that_one_fetch_needs(
    redis: RedisServer, link: Link, seed: int
) -> None:
    draw = Random(seed)
    per_minute, tier, repeats = draw.choice((5, 60, 6_000)), draw.randint(1, 7), draw.random() < 0.5
    path = a_path(draw, live=tier <= 4)
    whole, one_fetch = world_on(link, repeats=repeats)
    expected = whole.get(path, whole.key(7))
    assert expected.status == 200, expected
    needed = len(whole.upstream.calls)
    assert not fetched_twice(one_fetch)
    with redis.client() as client:
        client.flushall()
    world, bars = world_on(link, per_minute, repeats=repeats)
    answer, tries = until_answered(world, path, tier)
    assert answer.json == expected.json
    assert len(world.upstream.calls) <= needed
    assert not fetched_twice(bars)
    assert tries <= 1 + needed
    assert len(one_fetch.spans) <= MAX_CALLS


def test_a_page_that_fails_costs_no_page_before_it(redis: RedisServer, link: Link) -> None:
    world, bars = world_on(link)
    fails = {2, 5}

    def broken(request: httpx.Request) -> httpx.Response | None:
        if len(world.upstream.calls) in fails:
            return httpx.Response(200, text="<html>")
        return bars(request)

    world.upstream.answer = broken
    key = world.key()
    with redis.client() as client:
        for _ in fails:
            assert world.get(DEEP, key).status == 502
            # For a second, others share the failure.
            client.delete(*client.scan_iter("*:lease:*"))
        answer = world.get(DEEP, key)
        client.flushall()
    assert answer.status == 200
    assert not fetched_twice(bars)
    whole, _ = world_on(link)
    assert answer.json == whole.get(DEEP, whole.key()).json


def test_a_longer_range_goes_on_where_the_shorter_one_ended(redis: RedisServer, link: Link) -> None:
    # Of the shorter range, a month was fetched in part when the budget was spent.
    world, _ = world_on(link, per_minute=5)
    key, since = world.key(), "/market-data/AAPL?timespan=hour&from=2025-01-01"
    for ticker in ("MSFT", "KO", "T"):
        world.get(f"/quote/{ticker}", world.key(7, ticker))
    assert world.get(f"{since}&to=2025-06-10", key).status == 503
    answer, _ = until_answered(world, f"{since}&to=2026-03-10", 7)
    with redis.client() as client:
        client.flushall()
    whole, _ = world_on(link)
    assert answer.json == whole.get(f"{since}&to=2026-03-10", whole.key()).json


@pytest.mark.parametrize("pages", [1, 2, 7])
def test_pages_that_lead_in_a_circle_are_refused(link: Link, pages: int) -> None:
    world, _ = world_on(link)

    def circle(request: httpx.Request) -> httpx.Response:
        after = (int(request.url.params.get("cursor", "0")) + 1) % pages
        next_url = str(request.url.copy_with(query=f"cursor={after}".encode()))
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": [], "next_url": next_url})

    world.upstream.answer = circle
    answer = world.get("/market-data/AAPL?timespan=hour&from=2025-01-01&to=2025-06-10", world.key())
    assert (answer.status, answer.json["code"]) == (502, "upstream_invalid")
    assert len(world.upstream.calls) <= 3


def test_a_read_of_one_call_says_nothing_of_several(link: Link) -> None:
    world, _ = world_on(link, per_minute=1)
    world.get("/quote/MSFT", world.key(7, "other"))
    for query in ("timespan=minute&multiplier=5&limit=5", "limit=5"):
        answer = world.get(f"/market-data/AAPL?{query}", world.key())
        assert (answer.status, answer.json["code"]) == (503, "upstream_budget_spent")
        assert answer.json["detail"].endswith("is used up for now.")


def test_a_read_without_time_says_how_far_it_is(link: Link) -> None:
    world, bars = world_on(link)

    def slow(request: httpx.Request) -> httpx.Response | None:
        # The time that a page takes, as the deadline counts it.
        world._rest(9.0)
        return bars(request)

    world.sleep, world.upstream.answer = lambda _: None, slow
    key = world.key()
    first = world.get(DEEP, key)
    assert (first.status, first.json["code"], first.headers["Retry-After"]) == (503, "fetch_unfinished", "1")
    assert re.search(r"About \d+ calls .* and [34] made\. .* goes on from there", first.json["detail"])
    answers = [world.get(DEEP, key) for _ in range(6)]
    assert answers[-1].status == 200
    assert not fetched_twice(bars)


def test_a_refusal_of_the_budget_says_how_far_the_read_is(link: Link) -> None:
    world, _ = world_on(link, per_minute=5)
    answer = world.get(DEEP, world.key(1))
    assert (answer.status, answer.json["code"]) == (503, "upstream_budget_spent")
    assert re.search(r"About \d+ calls to the data provider were needed and 4 made", answer.json["detail"])


@pytest.mark.parametrize(
    ("query", "instead"),
    [
        (
            "timespan=second&multiplier=1440&limit=50000",
            r"at most \d\d bars .* at most 12\d{3} with timespan=minute and multiplier=24",
        ),
        ("timespan=second&multiplier=7&limit=50000", r"at most \d{5} bars"),
        ("timespan=hour&limit=50000", r"at most 5\d{3} bars"),
        ("timespan=minute&multiplier=30&from=2003-09-10&limit=50000", r"at most 9\d{3} bars"),
    ],
)
@pytest.mark.parametrize("per_minute", [5, 6_000])
def test_what_takes_too_many_calls_is_refused_before_the_first_one(
    link: Link, query: str, instead: str, per_minute: int
) -> None:
    world, _ = world_on(link, per_minute)
    answer = world.get(f"/market-data/AAPL?{query}", world.key(1))
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "too_many_calls", "limit")
    assert re.search(instead, answer.json["detail"]), answer.json["detail"]
    assert world.upstream.calls == []


@pytest.mark.parametrize(
    "query",
    [
        "second&multiplier=1440",
        "second&multiplier=60",
        "minute&multiplier=15",
        "minute&multiplier=24",
        "minute&multiplier=90",
        "hour",
        "hour&multiplier=4",
        "hour&multiplier=24",
    ],
)
@pytest.mark.parametrize("moment", [FRIDAY, "2026-12-31T20:00:00Z", "2026-03-01T12:00:00Z"])
def test_the_advice_of_a_refusal_is_taken(link: Link, query: str, moment: str) -> None:
    world, _ = world_on(link)
    world.to(moment)
    path = f"/market-data/AAPL?timespan={query}&limit="
    refused = world.get(f"{path}50000", world.key())
    assert refused.json["code"] == "too_many_calls"
    most = re.findall(r"at most (\d+)", refused.json["detail"])
    assert world.get(f"{path}{most[0]}", world.key()).status == 200
    if len(most) > 1:
        minutes = int(query.rpartition("=")[2]) // 60
        instead = f"/market-data/AAPL?timespan=minute&multiplier={minutes}&limit={min(50_000, int(most[1]))}"
        assert world.get(instead, world.key()).status == 200


@pytest.mark.parametrize(
    "timespan", ["second&multiplier=60", "minute", "minute&multiplier=15", "hour", "hour&multiplier=4", "day"]
)
@pytest.mark.parametrize("per_minute", [1, 2, 5, 6_000])
def test_a_page_of_a_whole_range_is_never_refused(link: Link, timespan: str, per_minute: int) -> None:
    world, _ = world_on(link, per_minute)
    since = "2026-11-01" if "second" in timespan else "2003-09-10"
    answer = world.get(f"/market-data/AAPL?timespan={timespan}&from={since}&sort=desc", world.key(1))
    assert answer.status in (200, 503)


def test_each_call_after_the_first_counts_as_a_request(link: Link) -> None:
    world, bars = world_on(link)
    key = world.key(2)
    used = world.get("/usage", key).json["used"]
    answer = world.get(DEEP, key)
    assert (answer.status, len(bars.spans) > 5) == (200, True)
    assert world.get("/usage", key).json["used"] - used == len(bars.spans)
    assert f"r={30 - len(bars.spans)}" in answer.headers["RateLimit"]
    used = world.get("/usage", key).json["used"]
    world.get(DEEP, key)
    assert world.get("/usage", key).json["used"] - used == 1


def test_the_newest_bars_are_fetched_first_and_wait_for_no_history(link: Link, other_link: Link) -> None:
    world, bars = world_on(link)
    other = world.beside(other_link)
    key, answers = world.key(), list[Answer]()

    def reads_between(request: httpx.Request) -> httpx.Response | None:
        if len(bars.spans) == 3 and not answers:
            answers.append(Answer(0, {}, ""))
            # What the long read fetched first is too old by now.
            other.later(3_600)
            answers[0] = other.get("/market-data/AAPL?timespan=second&multiplier=10&limit=5", key)
        return bars(request)

    world.upstream.answer = reads_between
    # Six days of ten seconds, two pages each.
    assert world.get("/market-data/AAPL?timespan=second&multiplier=10&limit=6000", key).status == 200
    assert bars.spans[0][0] == midnight_ms(FRIDAY), "the newest day comes first"
    (newest,) = answers
    assert (newest.status, len(newest.json)) == (200, 5)
    assert newest.headers["Cache-Status"] == "dekr; fwd=miss; stored"


def test_a_long_fetch_lets_others_have_what_has_come(link: Link, other_link: Link) -> None:
    world, bars = world_on(link)
    waits, answered = Event(), Event()

    def goes_on(_: float) -> None:
        waits.set()

    def stops(request: httpx.Request) -> httpx.Response | None:
        # The third page comes once the other waits, the fourth once it has its answer.
        number = len(bars.spans)
        if number == 3:
            assert waits.wait(HANG_S)
        if number == 4:
            assert answered.wait(HANG_S)
        return bars(request)

    world.upstream.answer = stops
    key = world.key()
    deep: list[Answer] = []
    reader = Thread(target=lambda: deep.append(world.get(DEEP, key)))
    other = world.beside(other_link, goes_on)
    reader.start()
    while len(bars.spans) < 3:
        answered.wait(0.01)
    # The bars of a week in the third page: they are there before the fourth is.
    answer = other.get("/market-data/AAPL?timespan=hour&from=2025-11-03&to=2025-11-07", key)
    answered.set()
    reader.join(HANG_S)
    assert (answer.status, answer.headers["Cache-Status"]) == (200, "dekr; fwd=miss; collapsed")
    assert deep[0].status == 200


def test_no_answer_mixes_the_prices_before_and_after_a_split(link: Link) -> None:
    # The history is fetched on the evening before a split; after it the budget ends behind the new month.
    world, bars = world_on(link)
    world.to("2026-12-01T02:30:00Z")
    assert world.get(DEEP, world.key(7)).status == 200

    def split(request: httpx.Request) -> httpx.Response | None:
        answer = bars(request)
        if answer is not None:
            body = answer.json()
            body["results"] = [{**bar, "o": 1.0} for bar in body["results"]]
            return httpx.Response(200, json=body)
        if request.url.path.endswith("/splits"):
            return httpx.Response(500)
        return None

    world.upstream.answer = split
    sandbox = World(link, world.upstream, world.directory, per_minute=1)
    sandbox.to("2026-12-01T14:40:00Z")
    key = world.key(7)
    for _ in range(40):
        answer = sandbox.get(DEEP, key)
        if answer.status == 200:
            assert len({bar["open"] for bar in answer.json}) == 1
            break
        sandbox.later(retry_after_s(answer))
    assert answer.status == 200


def short_history(bars: PagedBars, years: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """An upstream whose plan includes so many years."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        parts = request.url.path.split("/")
        if "/range/" in request.url.path and "cursor" not in request.url.params:
            begin_ms = bars.now_us() // 1000 - years * 365 * 86_400_000
            if int(parts[-2]) < begin_ms:
                return httpx.Response(403, json={"status": "NOT_AUTHORIZED", "message": "Your plan ends here."})
        return bars(request)

    return answer


@pytest.mark.parametrize("tier", [1, 7])
@pytest.mark.parametrize(
    "path", ["timespan=day&from=2003-09-10", "timespan=hour&from=2003-09-10&sort=desc", "limit=9000"]
)
@pytest.mark.parametrize("years", [2, 5, 15])
def test_a_plan_with_few_calls_and_a_short_history_answers(link: Link, years: int, path: str, tier: int) -> None:
    world, bars = world_on(link, per_minute=5)
    world.upstream.answer = short_history(bars, years)
    answer, _ = until_answered(world, f"/market-data/AAPL?{path}", tier)
    assert len(answer.json) > 400


def test_a_quiet_ticker_on_a_plan_with_a_short_history_is_answered(link: Link) -> None:
    world, bars = world_on(link)
    bars.every = 40
    world.upstream.answer = short_history(bars, 5)
    for query in ("minute&multiplier=15&from=2022-01-10&to=2026-10-30&sort=desc", "minute&multiplier=10&limit=5000"):
        answer = world.get(f"/market-data/AAPL?timespan={query}", world.key())
        assert (answer.status, len(answer.json) > 100) == (200, True), answer


@pytest.mark.parametrize(
    "query", ["timespan=hour&limit=100", "timespan=minute&limit=100", "timespan=minute&multiplier=30&limit=100"]
)
def test_the_last_bars_of_a_delisted_ticker_cost_few_calls(link: Link, query: str) -> None:
    world, bars = world_on(link)
    bars.until = "2021-06-15"
    answer = world.get(f"/market-data/GONE?{query}", world.key())
    assert (answer.status, len(answer.json)) == (200, 100)
    assert answer.json[-1]["timestamp"].startswith("2021-06-15")
    assert len(world.upstream.calls) <= 6


def test_a_page_that_the_store_cannot_take_keeps_nobody_waiting(redis: RedisServer, link: Link) -> None:
    world, bars = world_on(link)
    rested: list[float] = []
    world.sleep = rested.append

    def full(request: httpx.Request) -> httpx.Response | None:
        if len(bars.spans) == 2:
            with redis.client() as client:
                client.config_set("maxmemory", "1")
        return bars(request)

    world.upstream.answer = full
    try:
        answer = world.get(DEEP, world.key())
    finally:
        with redis.client() as client:
            client.config_set("maxmemory", "0")
    assert (answer.status, len(answer.json)) == (200, 2_500)
    assert sum(rested) < 1
    assert not fetched_twice(bars)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_an_address_that_the_upstream_takes_no_more_begins_the_segment_anew(link: Link, status: int) -> None:
    world, bars = world_on(link, per_minute=5)

    def expired(request: httpx.Request) -> httpx.Response | None:
        return (
            httpx.Response(status, json={"status": "ERROR"})
            if "cursor" in request.url.params and late
            else bars(request)
        )

    late = False
    world.upstream.answer = expired
    assert world.get(DEEP, world.key(1)).status == 503
    late = True
    world.later(62)
    world.get(DEEP, world.key(1))
    late = False
    answer, _ = until_answered(world, DEEP, 1)
    assert len(answer.json) == 2_500


def test_a_suspect_bar_that_comes_twice_counts_once(link: Link) -> None:
    world, bars = world_on(link, repeats=True)

    def zeros(request: httpx.Request) -> httpx.Response | None:
        answer = bars(request)
        if answer is None:
            return None
        body = answer.json()
        body["results"] = [{**bar, "o": 0} if bar is body["results"][-1] else bar for bar in body["results"]]
        if "cursor" in request.url.params:
            body["results"][0]["o"] = 0
        return httpx.Response(200, json=body)

    world.upstream.answer = zeros
    answer = world.get(DEEP, world.key())
    shown = sum(bar["open"] == 0 for bar in answer.json)
    assert answer.headers["X-Data-Warning"] == f"suspect; items={shown}"


def test_the_calls_of_several_looks_count_too(link: Link) -> None:
    world, bars = world_on(link)
    bars.every = 40
    key = world.key()
    assert world.get("/market-data/AAPL?timespan=minute&limit=3000", key).status == 200
    looks = len(bars.spans)
    assert looks > 1
    assert world.get("/usage", key).json["used"] == looks
