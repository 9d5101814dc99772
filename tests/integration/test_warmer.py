"""The warmer: one refresh before the open, history at night, within its part of the budget, and accounted for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dekr.access.principal import Role
from dekr.errors import UpstreamDown
from dekr.gate.gate import WINDOW_US
from dekr.market.quotes.market_refresh import REFRESH_LEASE_MS
from dekr.market.warming.warmer import Report, Task
from dekr.store.link import Link
from tests.busy import MARKET
from tests.markets import Market
from tests.markets import market as open_market
from tests.patience import always
from tests.redis_servers import RedisServer
from tests.world import Answer, Context, World, load

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("warmer*.json"))
BEFORE_THE_OPEN = "2026-11-20T14:29:00Z"
THE_OPEN = "2026-11-20T14:30:00Z"
NIGHT = "2026-11-21T01:30:00Z"


@pytest.fixture
def yesterday(link: Link) -> World:
    """The service after a Thursday on which readers requested AAPL, MSFT and KO."""
    made = World(link, per_minute=20)
    made.upstream.listed = ("AAPL", "MSFT", "KO", "TSLA")
    made.to("2026-11-19T15:00:00Z")
    record_reads(made, AAPL=600, MSFT=300, KO=100)
    made.upstream.calls.clear()
    return made


def record_reads(world: World, **counts: int) -> None:
    """Record this many reads by ticker, of readers of one tier whom a cache served."""
    demand = world.services.demand
    for ticker, count in counts.items():
        for _ in range(count):
            demand.count_served(ticker, 1)
    world.store.run(*demand.all())


def run(world: World, task: Task, left_s: float = 20) -> Report:
    return world.services.warmer.run(task, always(left_s))


def another(world: World) -> World:
    """Another sandbox on the same store and upstream."""
    return World(world.store, world.upstream, world.directory, per_minute=world.per_minute)


def is_hit(answer: Answer) -> bool:
    return answer.status == 200 and answer.headers["Cache-Status"].startswith("dekr; hit")


def test_before_the_open_one_call_fetches_what_the_first_readers_request(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    report = run(yesterday, Task.OPEN)
    assert (report.done, report.calls, len(yesterday.upstream.calls)) == ("refreshed", 1, 1)
    yesterday.to(THE_OPEN)
    # A minute old: what everybody but the uppermost tier may have.
    for symbol in ("AAPL", "MSFT", "KO"):
        assert is_hit(yesterday.get(f"/quote/{symbol}", yesterday.key(5)))
    assert len(yesterday.upstream.calls) == 1


def test_what_other_modules_prefer_is_preloaded_with_what_is_popular(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    yesterday.post("/preferences/symbols", yesterday.key(5, "module", Role.SERVICE), {"symbols": ["TSLA"]})
    assert run(yesterday, Task.OPEN).calls == 1
    yesterday.to(THE_OPEN)
    assert is_hit(yesterday.get("/quote/TSLA", yesterday.key(5)))


def test_a_holiday_has_no_open(yesterday: World) -> None:
    yesterday.to("2026-11-26T14:29:00Z")
    assert run(yesterday, Task.OPEN) == Report(Task.OPEN, "no open")
    assert yesterday.upstream.calls == []


def test_for_too_few_readers_nothing_is_preloaded(link: Link) -> None:
    made = World(link, per_minute=20)
    made.to("2026-11-19T15:00:00Z")
    record_reads(made, AAPL=2)
    made.to(BEFORE_THE_OPEN)
    assert run(made, Task.OPEN).done == "nothing"
    assert made.upstream.calls == []


def test_it_stops_when_nobody_is_reading(yesterday: World) -> None:
    yesterday.to("2026-11-27T14:29:00Z")
    assert run(yesterday, Task.OPEN).done == "idle"
    assert yesterday.upstream.calls == []


def test_where_nobody_ever_read_there_is_nothing_to_do(world: World) -> None:
    for task, moment in ((Task.OPEN, BEFORE_THE_OPEN), (Task.NIGHT, NIGHT)):
        world.to(moment)
        assert run(world, task) == Report(task, "idle")
    assert world.upstream.calls == []


def test_two_runs_at_once_make_one_refresh(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    other, reports = another(yesterday), []
    yesterday.upstream.before = lambda _: reports.append(run(other, Task.OPEN))
    first = run(yesterday, Task.OPEN)
    assert (first.done, first.calls) == ("refreshed", 1)
    assert [(report.done, report.calls) for report in reports] == [("nothing", 0)]
    yesterday.upstream.before = lambda _: None
    assert run(other, Task.OPEN).done == "done"
    assert len(yesterday.upstream.calls) == 1


@pytest.fixture
def killed(yesterday: World, redis: RedisServer) -> Iterator[str]:
    """The key of the lease of a run that was killed during its upstream call, just before Monday's open."""
    held: dict[str, int] = {}
    with redis.client() as client:

        def look(_: httpx.Request) -> None:
            held.update({key: client.pttl(key) for key in client.keys("dekr:{upstream}:lease:*")})

        yesterday.upstream.before = look
        yesterday.to(BEFORE_THE_OPEN)
        run(yesterday, Task.OPEN)
        yesterday.upstream.calls.clear()
        yesterday.to("2026-11-23T14:29:00Z")
        ((key, left_ms),) = held.items()
        client.set(key, "h:killed", px=left_ms)
        yield key


def test_a_run_that_was_killed_leaves_nothing_but_a_lease_that_ends(
    yesterday: World, redis: RedisServer, killed: str
) -> None:
    assert (run(yesterday, Task.OPEN).done, yesterday.upstream.calls) == ("nothing", [])
    with redis.client() as client:
        assert 0 < client.pttl(killed) <= REFRESH_LEASE_MS
        client.delete(killed)
    assert run(yesterday, Task.OPEN).done == "refreshed"


def test_it_says_what_was_saved_and_what_was_wasted(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    run(yesterday, Task.OPEN)
    yesterday.to(THE_OPEN)
    key = yesterday.key(5)
    yesterday.get("/quote/AAPL", key)
    yesterday.store.run(*yesterday.services.demand.all())
    first = run(yesterday, Task.AUDIT)
    assert (first.saved, first.wasted, first.left) == (1, 0, 2)
    # MSFT is read too late: it was fetched again for this reader. KO is never read at all.
    yesterday.later(400)
    yesterday.get("/quote/MSFT", key)
    yesterday.store.run(*yesterday.services.demand.all())
    second = run(yesterday, Task.AUDIT)
    assert second.saved == 0
    yesterday.later(3_600)
    third = run(yesterday, Task.AUDIT)
    assert (second.wasted + third.wasted, third.left) == (2, 0)
    assert run(yesterday, Task.AUDIT).wasted == 0


def test_a_preload_is_audited_once_however_many_look(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    run(yesterday, Task.OPEN)
    record_reads(yesterday, AAPL=1)
    reports = [run(yesterday, Task.AUDIT), run(another(yesterday), Task.AUDIT)]
    assert [report.saved for report in reports] == [1, 0]


def busiest(times: list[int]) -> int:
    """Return the largest number of calls in any window."""
    return max((sum(start <= each < start + WINDOW_US for each in times) for start in times), default=0)


@pytest.mark.parametrize(("per_minute", "share"), [(5, 1), (20, 2), (100, 10)])
def test_it_never_makes_more_calls_than_its_part_however_often_it_runs(link: Link, per_minute: int, share: int) -> None:
    world, times = World(link, per_minute=per_minute), []
    world.upstream.before = lambda _: times.append(world.services.now_us())
    world.to("2026-11-20T18:00:00Z")
    record_reads(world, **{f"A{a}{b}": 5 for a in "ABCDEFG" for b in "ABCDEFG"})
    world.to(NIGHT)
    reports = []
    for _ in range(40):
        reports += [run(world, Task.NIGHT), run(another(world), Task.NIGHT)]
        world.later(7)
    assert busiest(times) == share
    assert sum(report.calls for report in reports) == len(times)
    assert {report.done for report in reports} <= {"up to date", "upstream_budget_spent"}


def test_a_refresh_that_steps_down_or_tries_again_stays_within_the_part_too(link: Link) -> None:
    world, times = World(link, per_minute=5), []
    world.upstream.before = lambda _: times.append(world.services.now_us())
    world.to("2026-11-19T15:00:00Z")
    record_reads(world, AAPL=600, MSFT=300)
    world.upstream.answer = lambda _: httpx.Response(503)
    world.to(BEFORE_THE_OPEN)
    for _ in range(6):
        run(world, Task.OPEN)
        world.later(9)
    assert busiest(times) == 1
    assert times


def test_what_readers_need_of_the_budget_is_not_the_warmers(link: Link) -> None:
    world = World(link, per_minute=5)
    world.to("2026-11-19T15:00:00Z")
    record_reads(world, AAPL=600, MSFT=300)
    world.to(BEFORE_THE_OPEN)
    key = world.key(4)
    for symbol in ("F", "T", "V", "C"):
        world.get(f"/market-data/{symbol}?timespan=minute&limit=1", key)
    calls = len(world.upstream.calls)
    assert run(world, Task.OPEN) == Report(Task.OPEN, "upstream_budget_spent")
    assert len(world.upstream.calls) == calls
    assert world.get("/trade/KO", world.key(7, "another")).status == 200
    # What it was refused is not taken from its part either.
    world.to("2026-11-23T14:29:00Z")
    assert run(world, Task.OPEN).done == "refreshed"


def test_at_night_the_popular_and_the_preferred_get_their_day_bars(yesterday: World) -> None:
    yesterday.to(NIGHT)
    yesterday.post("/preferences/symbols", yesterday.key(5, "module", Role.SERVICE), {"symbols": ["TSLA", "NONE"]})
    for _ in range(20):
        run(yesterday, Task.NIGHT)
        yesterday.later(61)
    assert run(yesterday, Task.NIGHT).done == "up to date"
    calls = len(yesterday.upstream.calls)
    yesterday.to("2026-11-23T05:00:00Z")
    for symbol in ("AAPL", "MSFT", "KO", "TSLA"):
        answer = yesterday.get(f"/market-data/{symbol}?timespan=day&limit=30", yesterday.key(7))
        assert is_hit(answer)
        assert len(answer.json) == 30
    assert len(yesterday.upstream.calls) == calls


def test_the_night_ends_in_time(yesterday: World) -> None:
    yesterday.to(NIGHT)
    assert run(yesterday, Task.NIGHT, left_s=4).done == "to be continued"
    assert yesterday.upstream.calls == []


def test_the_report_names_the_failure_of_the_upstream(yesterday: World) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    yesterday.upstream.answer = lambda _: httpx.Response(500)
    report = run(yesterday, Task.OPEN)
    assert report.done == UpstreamDown.code
    assert report.calls == len(yesterday.upstream.calls)
    assert run(yesterday, Task.AUDIT).left == 0


def test_without_the_store_it_does_nothing() -> None:
    link = Link.open("redis://127.0.0.1:1/0")
    world = World(link)
    world.to(THE_OPEN)
    assert run(world, Task.AUDIT) == Report(Task.AUDIT, "store_unavailable")
    assert world.upstream.calls == []


def test_its_calls_stand_in_the_figures_of_the_day(yesterday: World) -> None:
    admin = yesterday.key(1, "root", Role.ADMIN)
    yesterday.to(BEFORE_THE_OPEN)
    assert yesterday.get("/cache/stats", admin).json["upstream_calls"] == 0
    calls = run(yesterday, Task.OPEN).calls
    stats = yesterday.get("/cache/stats", admin).json
    assert (stats["upstream_calls"], stats["data"], stats["saved_calls"]) == (calls, 0, 0) == (1, 0, 0)
    yesterday.to(NIGHT)
    calls = run(yesterday, Task.NIGHT).calls
    assert yesterday.get("/cache/stats", admin).json["upstream_calls"] == calls == 2


@pytest.mark.parametrize("file", EVENTS, ids=[file.stem for file in EVENTS])
def test_each_schedules_event_is_one_line_of_metrics(
    yesterday: World, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yesterday.to(BEFORE_THE_OPEN)
    event = json.loads(file.read_text())
    function: Any = load("warmer")
    function.wire = lambda: yesterday.services
    capsys.readouterr()
    answer = function.handler(event, Context())
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["service"], line["task"], line["done"]) == ("warmer", event["task"], answer["done"])
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int)
    assert line["warmer_calls"] == len(yesterday.upstream.calls) == (1 if event["task"] == "open" else 0)


def test_a_task_that_there_is_not_is_an_error(yesterday: World) -> None:
    function: Any = load("warmer")
    function.wire = lambda: yesterday.services
    with pytest.raises(ValueError, match="lunch"):
        function.handler({"task": "lunch"}, Context())


@pytest.fixture
def live(link: Link) -> Iterator[Market]:
    with open_market(link) as found:
        yield found


def test_on_a_simulated_market_the_open_costs_one_call_for_hundreds(live: Market) -> None:
    symbols = [f"{a}{b}" for a in "ABC" for b in "ABCDEFGHIJ"]
    live.to("2026-11-19T15:00:00Z")
    record_reads(live.world, AAPL=500, MSFT=300, **dict.fromkeys(symbols, 20))
    live.to(BEFORE_THE_OPEN)
    # The simulated market makes its day once, which takes a slow machine longer than a call may.
    live.world.get(MARKET, live.world.key(), headers={"accept-encoding": "gzip"})
    before = live.calls
    assert run(live.world, Task.OPEN).done == "refreshed"
    assert live.calls == before + 1
    live.to(THE_OPEN)
    for symbol in ("AAPL", "MSFT"):
        assert is_hit(live.world.get(f"/quote/{symbol}", live.world.key(5)))
    assert live.calls == before + 1
