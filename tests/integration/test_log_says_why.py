"""The line of a request whose upstream or store failed: its level and the cause, and never a value, a key or an address."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dekr.access.principal import Role
from dekr.cache import keys
from dekr.cache.keys import DemandPart
from dekr.errors import StoreDown
from dekr.polygon.failures import NotEntitled
from dekr.store import plain
from dekr.store.link import Link
from tests.busy import MARKET, NAMES
from tests.redis_servers import redis_single
from tests.still_link import still_link
from tests.world import Answer, Context, World, event, load

QUOTE = "/quote/AAPL"
NEWS = "/v2/reference/news"
SPLITS = "/v3/reference/splits"

type Reply = Callable[[httpx.Request], httpx.Response | None]
type Line = dict[str, Any]


class Torn(httpx.SyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"status":'
        raise httpx.ReadError("peer closed http://upstream.test/v2/last/nbbo/AAPL")


def status(code: int, **headers: str) -> Reply:
    return lambda _: httpx.Response(code, headers=headers)


def body(content: object) -> Reply:
    return lambda _: httpx.Response(200, json=content)


def raises(error: Exception) -> Reply:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


def at(path: str, reply: Reply) -> Reply:
    """Return a handler that gives the reply for one path alone."""
    return lambda request: reply(request) if request.url.path == path else None


def quote(**fields: object) -> dict[str, Any]:
    return {
        "status": "OK",
        "results": {"T": "AAPL", "p": 1, "s": 2, "P": 1.5, "S": 3, "t": 1_795_186_800_000_000_000} | fields,
    }


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Callable[[Callable[[], object]], Line]:
    """Do something and return the one line of log that it wrote."""

    def written(act: Callable[[], object]) -> Line:
        capsys.readouterr()
        act()
        (found,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
        assert isinstance(found, dict)
        return found

    return written


type Written = Callable[[Callable[[], object]], Line]

FAULTS: list[tuple[str, Reply, int, str, str, list[tuple[str, str | None]]]] = [
    ("5xx", status(503), 503, "upstream_unavailable", "status 503", [("failed", "status 503")] * 2),
    (
        "time-out",
        raises(httpx.ReadTimeout("http://upstream.test/v2/last/nbbo/AAPL")),
        503,
        "upstream_unavailable",
        "ReadTimeout",
        [("failed", "ReadTimeout")] * 2,
    ),
    (
        "no connection",
        raises(httpx.ConnectError("http://upstream.test")),
        503,
        "upstream_unreachable",
        "ConnectError",
        [("unreachable", "ConnectError")] * 2,
    ),
    (
        "cut",
        lambda _: httpx.Response(200, stream=Torn()),
        502,
        "upstream_invalid",
        "ReadError after 10 bytes",
        [("failed", "ReadError after 10 bytes")] * 2,
    ),
    (
        "no JSON",
        lambda _: httpx.Response(200, content=b"<html>"),
        502,
        "upstream_invalid",
        "no JSON in 6 bytes",
        [("malformed", "no JSON in 6 bytes")],
    ),
    (
        "wrong shape",
        body(quote(t="now")),
        502,
        "upstream_invalid",
        "LastQuoteAnswer: results.t: int_type",
        [("malformed", "LastQuoteAnswer: results.t: int_type")],
    ),
    (
        "another ticker",
        body(quote(T="MSFT")),
        502,
        "upstream_invalid",
        "ticker: not the requested one",
        [("malformed", "ticker: not the requested one")],
    ),
    (
        "the future",
        body(quote(t=10**19)),
        502,
        "upstream_invalid",
        "t: in the future",
        [("malformed", "t: in the future")],
    ),
    (
        "key refused",
        status(401),
        503,
        "upstream_key_refused",
        "status 401",
        [("key_refused", "status 401")],
    ),
    ("429", status(429), 503, "upstream_throttled", "status 429", [("throttled", "status 429")]),
    (
        "a gateway's 403",
        lambda _: httpx.Response(403, content=b"blocked"),
        503,
        "upstream_unavailable",
        "status 403 without a JSON object",
        [("failed", "status 403 without a JSON object")] * 2,
    ),
    ("a status that nobody expects", status(302), 502, "upstream_invalid", "status 302", [("malformed", "status 302")]),
]


@pytest.mark.parametrize(
    ("reply", "code", "error", "fault", "attempts"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_an_answer_that_failed_names_its_cause_and_each_call(
    world: World,
    line: Written,
    reply: Reply,
    code: int,
    error: str,
    fault: str,
    attempts: list[tuple[str, str | None]],
) -> None:
    world.upstream.answer = at("/v2/last/nbbo/AAPL", reply)
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], found["status"], found["errors"]) == ("ERROR", code, 1)
    assert (found["error"], found["fault"]) == (error, fault)
    assert [(each["outcome"], each["cause"]) for each in found["upstream"]] == attempts
    assert {each["endpoint"] for each in found["upstream"]} == {"nbbo"}
    assert all(each["ms"] >= 0 for each in found["upstream"])


@pytest.mark.parametrize(
    ("reply", "code", "error", "fault", "attempts"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_a_stale_answer_says_the_reason_and_the_age_of_what_is_served(
    world: World,
    line: Written,
    reply: Reply,
    code: int,
    error: str,
    fault: str,
    attempts: list[tuple[str, str | None]],
) -> None:
    del code, attempts
    key = world.key(7)
    world.get(QUOTE, key)
    world.later(90)
    world.upstream.answer = at("/v2/last/nbbo/AAPL", reply)
    answers: list[Answer] = []
    found = line(lambda: answers.append(world.get(QUOTE, key)))
    assert (found["level"], found["status"], found["outcome"]) == ("WARNING", 200, "stale")
    assert found["age_s"] >= 90
    assert found["age_s"] == int(answers[0].headers["Age"])
    assert (found["reason"], found["fault"]) == (error, fault)
    assert f'reason="{error}"' in answers[0].headers["X-Data-Warning"]
    assert "error" not in found


def test_a_next_page_at_no_address_is_an_invalid_answer(world: World, line: Written) -> None:
    world.upstream.answer = body({"status": "OK", "results": [], "next_url": "http://[/?cursor=c"})
    found = line(lambda: world.get("/v3/quotes/AAPL", world.key(7)))
    assert (found["level"], found["status"], found["fault"]) == ("ERROR", 502, "next_url: no URL")


def test_the_kinds_of_errors_behind_an_error_are_named(world: World, line: Written) -> None:
    world.upstream.answer = raises(httpx.ConnectTimeout("http://upstream.test"))
    assert line(lambda: world.get(QUOTE, world.key()))["causes"] == ["ConnectTimeout"]
    world.upstream.answer = body(quote(t=None))
    assert line(lambda: world.get("/quote/MSFT", world.key()))["causes"] == ["ValidationError"]


def test_a_failed_attempt_is_a_warning_though_the_next_one_is_well(world: World, line: Written) -> None:
    replies = iter([httpx.Response(502)])
    world.upstream.answer = lambda _: next(replies, None)
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], found["status"], found["outcome"]) == ("WARNING", 200, "miss")
    assert [each["outcome"] for each in found["upstream"]] == ["failed", "ok"]
    assert "cause" not in found["upstream"][1]
    assert not {"error", "reason", "fault", "passed_over"} & found.keys()


def test_an_open_breaker_is_named(world: World, line: Written) -> None:
    key = world.key()
    world.upstream.answer = status(500)
    for ticker in ("A", "B", "C"):
        world.get(f"/quote/{ticker}", key)
    calls = len(world.upstream.calls)
    found = line(lambda: world.get(QUOTE, key))
    assert len(world.upstream.calls) == calls
    assert (found["level"], found["error"], found["fault"]) == ("ERROR", "upstream_unavailable", "breaker open")
    assert "upstream" not in found


def test_a_failure_that_another_request_met_says_where_to_look(world: World, line: Written) -> None:
    world.store.run(plain("SET", "dekr:{upstream}:lease:quote:AAPL", "f:upstream_unavailable", "PX", 60_000))
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], found["error"]) == ("ERROR", "upstream_unavailable")
    assert found["fault"] == "another request's fetch failed"


def test_a_spent_budget_is_named(link: Link, line: Written) -> None:
    world = World(link, per_minute=1)
    world.to("2026-11-20T15:00:00Z")
    world.get("/quote/MSFT", world.key())
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], found["status"], found["error"]) == ("ERROR", 503, "upstream_budget_spent")
    assert found["fault"].startswith("budget of all sandboxes")


def test_what_the_plan_refuses_is_a_warning_and_what_it_is_known_to_lack_is_none(world: World, line: Written) -> None:
    world.upstream.denied = {"nbbo"}
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert [(each["endpoint"], each["outcome"]) for each in found["upstream"]] == [
        ("nbbo", "not_entitled"),
        ("snapshot", "ok"),
    ]
    world.later(31)
    found = line(lambda: world.get(QUOTE, world.key()))
    assert (found["level"], [each["endpoint"] for each in found["upstream"]]) == ("INFO", ["snapshot"])
    world.upstream.denied = {"nbbo", "snapshot", "range", "prev"}
    found = line(lambda: world.get("/quote/MSFT", world.key()))
    assert (found["level"], found["status"], found["error"]) == ("WARNING", 403, "upstream_not_entitled")
    assert {each["outcome"] for each in found["upstream"]} >= {"not_entitled"}
    assert NotEntitled.code == found["error"]


def test_what_the_caller_did_wrong_is_no_failure_of_ours(world: World, line: Written) -> None:
    for path, code in (
        ("/quote/A..B", "invalid_symbol"),
        (f"{QUOTE}?tier=9", "invalid_input"),
        ("/quote/NONE", "unknown_symbol"),
    ):
        found = line(lambda path=path: world.get(path, world.key()))  # type: ignore[misc] # the default is the path
        assert (found["level"], found["error"]) == ("INFO", code)
        assert not {"fault", "causes", "reason", "passed_over", "store"} & found.keys()
    assert line(lambda: world.get(QUOTE, "dk_wrong"))["level"] == "INFO"


def test_a_deadline_that_is_over_says_what_it_was_spent_on(world: World, line: Written) -> None:
    world.store.run(plain("SET", "dekr:{upstream}:lease:quote:AAPL", "h:somebody", "PX", 60_000))
    found = line(lambda: short_of_time(world, 1_000))
    assert (found["level"], found["status"], found["error"]) == ("ERROR", 504, "deadline_exceeded")
    assert found["fault"] == "waited for another request's fetch"


def test_too_little_time_for_a_call_is_named(world: World, line: Written) -> None:
    found = line(lambda: short_of_time(world, 600))
    assert (found["level"], found["status"], found["error"]) == ("ERROR", 504, "deadline_exceeded")
    assert found["fault"] == "less than 0.2 s left for nbbo"


def short_of_time(world: World, remaining_ms: int) -> None:
    """Request a quote in a function that has this much time left."""
    handler = world.handler("quote")
    handler(event(QUOTE, {"x-api-key": world.key()}), Context(remaining_ms))


def test_a_request_that_goes_on_without_the_store_says_so(line: Written) -> None:
    with redis_single() as server, closing(still_link(server.url)) as link:
        world = World(link)
        key = world.key()
        world.get(QUOTE, key)
        server.process.kill()
        server.process.wait()
        first = line(lambda: world.get("/quote/MSFT", key))
        assert (first["level"], first["status"], first["store"]) == ("WARNING", 200, "down")
        assert first["store_fault"] == "sign-in: ConnectionError"
        lines = [line(lambda: world.get("/quote/MSFT", key)) for _ in range(3)]
        assert {(each["level"], each["store"], each["outcome"]) for each in lines} == {("WARNING", "down", "hit")}
        assert {each["store_fault"] for each in lines} <= {"sign-in: ConnectionError", "not tried again so soon"}
        stats = line(lambda: world.get("/cache/stats", world.key(7, "root", Role.ADMIN)))
        assert (stats["level"], stats["status"], stats["error"], stats["store"]) == (
            "ERROR",
            503,
            "store_unavailable",
            "down",
        )
        health = line(lambda: world.get("/health"))
        assert (health["level"], health["status"], health["store"]) == ("ERROR", 503, "down")


def test_a_machine_whose_clock_is_wrong_says_so(world: World, line: Written) -> None:
    right = world.services.now_us
    world.services.health = replace(world.services.health, now_us=lambda: right() + 5_000_000)
    found = line(lambda: world.get("/health"))
    assert (found["level"], found["status"]) == ("ERROR", 503)
    (cause,) = found["passed_over"]
    assert cause.startswith("unavailable: the clocks disagree by ")


def test_a_record_of_demand_that_cannot_be_read_is_passed_over_and_said(world: World, line: Written) -> None:
    key = world.key()
    world.get(QUOTE, key)
    world.store.run(*world.services.demand.all())
    (name,) = keys.demand(world.store.prefix, [DemandPart.PREFERRED])
    world.store.run(plain("HSET", name, "AAPL", "soon"))
    found = line(lambda: world.get("/quote/MSFT", key))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert found["passed_over"] == ["unavailable: record of demand: ValueError"]


def test_a_look_up_of_a_key_without_the_store_says_so(world: World, line: Written) -> None:
    with closing(Link.open("redis://127.0.0.1:1/0")) as dead:
        found = line(lambda: World(dead, world.upstream, world.directory).get("/symbols?tier=9", world.key()))
    assert (found["level"], found["status"], found["store"]) == ("WARNING", 422, "down")


def test_the_next_line_does_not_repeat_what_the_last_one_said(line: Written) -> None:
    with (
        redis_single() as server,
        closing(Link.open("redis://127.0.0.1:1/0")) as dead,
        closing(still_link(server.url)) as link,
    ):
        world = World(dead)
        key = world.key()
        assert line(lambda: world.get(QUOTE, key))["store"] == "down"
        world.services.store.connection = link.connection  # type: ignore[attr-defined] # the store is back
        world.services.store.breaker.worked()  # type: ignore[attr-defined] # and tried again
        found = line(lambda: world.get(QUOTE, key))
        assert found["level"] == "INFO"
        assert not {"store", "store_fault"} & found.keys()


def test_a_partial_batch_says_the_reason(world: World, line: Written) -> None:
    key = world.key(7)
    world.get(QUOTE, key)
    world.upstream.answer = status(500)
    answers: list[Answer] = []
    found = line(lambda: answers.append(world.post("/quotes/batch", key, ["AAPL", "MSFT"])))
    assert answers[0].json["MSFT"]["error"]["code"] == "upstream_unavailable"
    assert (found["level"], found["status"], found["outcome"]) == ("WARNING", 200, "partial")
    assert (found["reason"], found["fault"]) == ("upstream_unavailable", "status 500")
    assert {each["endpoint"] for each in found["upstream"]} == {"market", "universal"}


def test_a_shared_fetch_that_is_passed_over_is_named(busy: World, line: Written) -> None:
    busy.later(300)
    busy.upstream.answer = lambda request: (
        httpx.Response(200, json={"status": "OK", "tickers": [{"ticker": 5}]}) if request.url.path == MARKET else None
    )
    found = line(lambda: busy.get("/quote/AKQF", busy.key()))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert found["passed_over"] == ["upstream_invalid: SnapshotsAnswer: tickers.0.ticker: string_type"]
    assert [(each["endpoint"], each["outcome"]) for each in found["upstream"]] == [
        ("market", "malformed"),
        ("universal", "ok"),
    ]


def test_a_shared_fetch_that_the_plan_lacks_is_named(busy: World, line: Written) -> None:
    busy.later(300)
    busy.upstream.denied = {"snapshot"}
    found = line(lambda: busy.get("/quote/AKQF", busy.key()))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert {text.partition(":")[0] for text in found["passed_over"]} == {"upstream_not_entitled"}


def test_a_feed_of_news_that_is_passed_over_is_named(world: World, line: Written) -> None:
    article = {
        "id": "a",
        "published_utc": "2026-11-20T14:59:00Z",
        "title": "t",
        "article_url": "https://news.example/a",
        "tickers": ["AAPL"],
    }

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != NEWS:
            return None
        feed = "ticker" not in request.url.params
        return httpx.Response(200, json={"status": "OK", "results": [] if feed else [article]})

    world.upstream.answer = answer
    key = world.key(7)
    world.get("/news?symbol=AAPL", key)
    world.later(3_600)
    found = line(lambda: world.get("/news?symbol=AAPL", key))
    assert (found["level"], found["status"], found["outcome"]) == ("WARNING", 200, "miss")
    assert found["passed_over"] == ["upstream_invalid: results: empty"]
    assert [each["endpoint"] for each in found["upstream"]] == ["newsfeed", "news"]


def test_splits_that_are_not_known_are_named(world: World, line: Written) -> None:
    key = world.key(7)
    path = "/market-data/AAPL?from=2025-02-01&to=2025-06-01"
    world.get(path, key)
    world.to("2026-11-23T15:00:00Z")
    world.upstream.answer = at(SPLITS, body({"status": "OK", "results": [{"ticker": 7}]}))
    found = line(lambda: world.get(path, key))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert found["passed_over"] == ["upstream_invalid: ListAnswer[Split]: results.0.ticker: string_type"]


def test_hours_without_the_upstreams_status_say_why(world: World, line: Written) -> None:
    world.upstream.answer = status(500)
    found = line(lambda: world.get("/market-status", world.key()))
    assert (found["level"], found["status"]) == ("WARNING", 200)
    assert found["passed_over"] == ["upstream_unavailable: status 500"]
    assert {(each["endpoint"], each["cause"]) for each in found["upstream"]} == {("now", "status 500")}


def test_an_unexpected_error_is_named_by_its_kind(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    key = world.key()
    world.directory.find = lambda _: 1 / 0  # type: ignore[method-assign, assignment, return-value] # the outermost edge
    world.get(QUOTE, key)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["level"], found["status"], found["error"]) == ("ERROR", 500, "internal_error")
    assert (found["fault"], found["causes"]) == ("ZeroDivisionError", ["ZeroDivisionError"])


@pytest.fixture
def popular(world: World) -> World:
    """A minute before the open of a day after one on which many tickers were requested often."""
    world.to("2026-11-19T15:00:00Z")
    world.upstream.listed = NAMES
    demand = world.services.demand
    for name in NAMES[:400]:
        for _ in range(20):
            demand.count_served(name, 1)
    world.store.run(*demand.all())
    world.to("2026-11-20T14:29:00Z")
    return world


def test_the_warmers_line_says_why_a_run_ended(popular: World, line: Written) -> None:
    function: Any = load("warmer")
    function.wire = lambda: popular.services
    popular.upstream.answer = status(500)
    found = line(lambda: function.handler({"task": "open"}, Context()))
    assert (found["level"], found["done"], found["error"]) == ("ERROR", "upstream_unavailable", "upstream_unavailable")
    assert found["fault"] == "status 500"
    assert {(each["outcome"], each["cause"]) for each in found["upstream"]} == {("failed", "status 500")}


def test_the_warmers_line_names_a_shared_fetch_that_it_passed_over(popular: World, line: Written) -> None:
    function: Any = load("warmer")
    function.wire = lambda: popular.services
    popular.upstream.answer = at(MARKET, body({"status": "OK", "tickers": 5}))
    found = line(lambda: function.handler({"task": "open"}, Context()))
    assert (found["level"], found["done"]) == ("WARNING", "refreshed")
    assert found["passed_over"] == ["upstream_invalid: SnapshotsAnswer: tickers: list_type"]
    assert [each["endpoint"] for each in found["upstream"]] == ["market"]


def test_an_event_that_could_not_be_kept_is_logged_and_tried_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    function: Any = load("preferences")
    dead = World(Link.open("redis://127.0.0.1:1/0"), world.upstream, world.directory)
    function.edge._wire = lambda: dead.services
    preferred = {"id": "1", "detail-type": "SymbolsPreferred", "detail": {"symbols": ["AAPL"]}}
    capsys.readouterr()
    with pytest.raises(StoreDown):
        function.handler(preferred, Context())
    found = json.loads(capsys.readouterr().out)
    assert (found["level"], found["error"], found["store"]) == ("ERROR", "store_unavailable", "down")
    assert found["fault"] == "sign-in: ConnectionError"


def test_a_hit_has_nothing_to_say(world: World, line: Written) -> None:
    key = world.key(5, "anna")
    world.get(QUOTE, key)
    found = line(lambda: world.get(QUOTE, key))
    assert list(found) == [
        "_aws",
        "level",
        "service",
        "tier",
        "request_id",
        "route",
        "ticker",
        "status",
        "requests",
        "errors",
        "duration_ms",
        "user",
        "outcome",
        "hits",
        "stale",
        "age_s",
        "upstream_calls",
        "upstream_ms",
        "calendar_unknown",
        "cold_start",
    ]
    assert found["level"] == "INFO"
