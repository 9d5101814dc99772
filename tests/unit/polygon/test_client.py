"""The client's endpoints: the requests sent, the answers refused as garbage, and the calls tried again."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from dekr.errors import BudgetSpent, DeadlineExceeded, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamUnreachable
from dekr.gate.call import Call, CallOutcome
from dekr.gate.permit import SLOW_FAILURE_S
from dekr.polygon.client import FUTURE_US, Bars, PolygonClient
from dekr.polygon.failures import Broken, Cut, KeyRefused, NotEntitled, Throttled
from dekr.polygon.latest import Latest
from dekr.polygon.retry import MAX_JITTER_S, MIN_USEFUL_S
from tests.all_bars import all_bars
from tests.fakes.polygon_transport import NOW_US, ScriptedUpstream, Step, bar, ok, quote

FAR_NS = (NOW_US + FUTURE_US + 1_000) * 1000
NEAR_NS = (NOW_US + FUTURE_US - 1_000) * 1000


def nbbo(*steps: Step) -> Latest | None:
    upstream = ScriptedUpstream(list(steps))
    return upstream.client.last_nbbo("AAPL", upstream.call())


def snapshot(ticker: object, **fields: object) -> Latest | None:
    upstream = ScriptedUpstream([ok(ticker=ticker, **fields)])
    found = upstream.client.snapshot("AAPL", upstream.call())
    return found.quote if found else None


def aggs(*steps: Step) -> Bars:
    upstream = ScriptedUpstream(list(steps))
    return all_bars(upstream.client, "AAPL", 5, "minute", 1, 2, upstream.call(), adjusted=True)


def previous(*steps: Step) -> Latest | None:
    upstream = ScriptedUpstream(list(steps))
    return upstream.client.previous_close("AAPL", upstream.call())


def newest(*steps: Step) -> Latest | None:
    upstream = ScriptedUpstream(list(steps))
    return upstream.client.newest_minute("AAPL", upstream.call())


def present(found: Latest | None) -> Latest:
    assert found is not None
    return found


class Half(httpx.SyncByteStream):
    """A body that breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"status":'
        raise httpx.RemoteProtocolError("cut")


@pytest.mark.parametrize(
    ("read", "answer", "family", "path"),
    [
        (lambda c, call: c.last_nbbo("BACpL", call), ok(quote(T="BACpL")), "nbbo", "/v2/last/nbbo/BACpL"),
        (
            lambda c, call: c.snapshot("BRK.B", call),
            ok(ticker={"ticker": "BRK.B", "lastQuote": quote()}),
            "snapshot",
            "/v2/snapshot/locale/us/markets/stocks/tickers/BRK.B",
        ),
        (
            lambda c, call: all_bars(c, "AAPL", 5, "minute", 10, 20, call, adjusted=False),
            ok([bar()]),
            "aggs",
            "/v2/aggs/ticker/AAPL/range/5/minute/10/20?adjusted=false&sort=asc&limit=50000",
        ),
        (
            lambda c, call: c.newest_minute("AAPL", call),
            ok([bar()]),
            "minute",
            "/v2/aggs/ticker/AAPL/range/1/minute/1794582000000/1795186800000?adjusted=false&sort=desc&limit=1",
        ),
        (
            lambda c, call: c.previous_close("AAPL", call),
            ok([bar()]),
            "prev",
            "/v2/aggs/ticker/AAPL/prev?adjusted=false",
        ),
    ],
)
def test_each_endpoint_is_called_once_and_paid_once(
    read: Callable[[PolygonClient, Call], object], answer: httpx.Response, family: str, path: str
) -> None:
    upstream = ScriptedUpstream([answer])
    call = upstream.call()
    assert read(upstream.client, call) is not None
    assert [str(request.url) for request in upstream.requests] == [f"https://upstream.test{path}"]
    assert call.paid == [family]
    assert call.observed == [(family, CallOutcome.OK, 0.0)]


def test_the_nbbo_comes_as_it_was_sent() -> None:
    sent = quote(added_later={"x": 1})
    found = present(nbbo(ok(sent)))
    assert (found.source, found.fields, found.delayed) == ("nbbo", sent, False)


@pytest.mark.parametrize(("status", "delayed"), [("OK", False), ("DELAYED", True)])
def test_an_answer_is_delayed_when_the_upstream_says_so(status: str, delayed: bool) -> None:
    assert present(nbbo(ok(quote(), status=status))).delayed is delayed
    assert present(snapshot({"ticker": "AAPL", "lastQuote": quote()}, status=status)).delayed is delayed
    assert present(previous(ok([bar()], status=status))).delayed is delayed
    assert aggs(ok([bar()], status=status)).delayed is delayed


@pytest.mark.parametrize("side", [{"p": 0, "s": 0}, {"P": 0, "S": 0}])
def test_a_market_with_one_side_is_passed_on(side: dict[str, Any]) -> None:
    assert present(nbbo(ok(quote(**side)))).fields == quote(**side)


def test_a_market_without_sides_is_no_quote() -> None:
    assert nbbo(ok(quote(p=0, s=0, P=0, S=0))) is None
    assert nbbo(ok({name: value for name, value in quote().items() if name not in "psxPSX"})) is None


@pytest.mark.parametrize(
    "answer",
    [
        ok(quote(T="MSFT")),
        ok(quote(T="aapl")),
        ok(quote(t=FAR_NS)),
        ok(quote(), status="ERROR"),
        ok(quote(), status="NOT_AUTHORIZED"),
        ok(quote(), status=None),
        ok(),
        ok([]),
        ok([quote()]),
        ok("AAPL"),
        httpx.Response(200, json=[quote()]),
        httpx.Response(200, json="AAPL"),
        httpx.Response(200, text="null"),
        httpx.Response(200, text="404 page not found"),
    ],
)
def test_garbage_for_an_nbbo_is_refused_once(answer: httpx.Response) -> None:
    upstream = ScriptedUpstream([answer])
    call = upstream.call()
    with pytest.raises(UpstreamInvalid):
        upstream.client.last_nbbo("AAPL", call)
    assert call.outcomes == [CallOutcome.MALFORMED]


def test_a_little_ahead_is_not_the_future() -> None:
    assert present(nbbo(ok(quote(t=NEAR_NS)))).fields["t"] == NEAR_NS


def test_our_clock_may_be_behind_the_upstreams() -> None:
    ahead = ok(quote(t=FAR_NS))
    ahead.headers["Date"] = "Fri, 20 Nov 2026 15:05:00 GMT"
    assert present(nbbo(ahead)).fields["t"] == FAR_NS


def test_a_snapshot_gives_its_quote() -> None:
    last = {"P": 1.5, "S": 2, "p": 1, "s": 3, "t": 1_795_000_000_000_000_000}
    found = present(snapshot({"ticker": "AAPL", "lastQuote": last, "min": {"c": 9, "t": 1_795_000_000_000}, "day": {}}))
    assert (found.source, found.fields) == ("snapshot", last)


@pytest.mark.parametrize("none", [{}, {"lastQuote": None}, {"lastQuote": {"P": 0, "S": 0, "p": 0, "s": 0, "t": 0}}])
def test_a_snapshot_without_a_quote_gives_its_last_minute(none: dict[str, Any]) -> None:
    minute = {"c": 9.5, "o": 9, "t": 1_795_000_000_000, "av": 3}
    found = present(snapshot({"ticker": "AAPL", "min": minute} | none))
    assert (found.source, found.fields) == ("minute_bar", minute)


@pytest.mark.parametrize("rest", [{}, {"min": None}, {"min": {"c": 0, "t": 0, "o": 0}}])
def test_a_snapshot_before_the_first_trade_gives_nothing(rest: dict[str, Any]) -> None:
    assert snapshot({"ticker": "AAPL"} | rest) is None


def test_a_cleared_snapshot_does_not_say_that_a_ticker_is_unknown() -> None:
    upstream = ScriptedUpstream([httpx.Response(404, json={"status": "NotFound"})])
    call = upstream.call()
    assert upstream.client.snapshot("AAPL", call) is None
    assert call.outcomes == [CallOutcome.NOT_FOUND]


@pytest.mark.parametrize(
    "ticker",
    [
        None,
        {"ticker": "MSFT", "lastQuote": quote()},
        {"lastQuote": quote()},
        {"ticker": "AAPL", "lastQuote": quote(t=FAR_NS)},
        {"ticker": "AAPL", "lastQuote": quote(p=-1)},
        {"ticker": "AAPL", "min": {"c": 1, "t": FAR_NS // 1_000_000 + 1}},
    ],
)
def test_garbage_for_a_snapshot_is_refused(ticker: object) -> None:
    with pytest.raises(UpstreamInvalid):
        snapshot(ticker)


def test_the_newest_minute_and_the_previous_close_are_bars_as_sent() -> None:
    sent = bar(added_later=1)
    found = present(newest(ok([sent])))
    assert (found.source, found.fields) == ("minute_bar", sent)
    found = present(previous(ok([{"T": "AAPL"} | sent], ticker="AAPL")))
    assert (found.source, found.fields) == ("previous_close", {"T": "AAPL"} | sent)


@pytest.mark.parametrize("read", [previous, newest])
@pytest.mark.parametrize("answer", [ok(), ok([]), ok(results=None, resultsCount=0)])
def test_no_bar_is_none(read: Callable[..., object], answer: httpx.Response) -> None:
    assert read(answer) is None


@pytest.mark.parametrize("answer", [ok(), ok([]), ok(results=None, resultsCount=0, queryCount=0)])
def test_no_bars_are_an_empty_answer(answer: httpx.Response) -> None:
    assert aggs(answer).bars == []


@pytest.mark.parametrize("read", [aggs, previous, newest])
@pytest.mark.parametrize(
    "answer",
    [
        ok([bar()], ticker="MSFT"),
        ok([bar(3), bar(2), bar(1)]),
        ok([bar(FAR_NS // 1_000_000 + 1)]),
        ok([bar(h=-1)]),
        ok([None, None, bar()]),
        ok({"t": 1}),
        ok([bar()], status="ERROR"),
    ],
)
def test_garbage_for_bars_is_refused(read: Callable[..., object], answer: httpx.Response) -> None:
    with pytest.raises(UpstreamInvalid):
        read(answer)


def test_pages_are_followed_to_the_last_and_each_is_paid() -> None:
    second, third = "https://upstream.test/v2/aggs/2?cursor=b", "https://upstream.test/v2/aggs/3?cursor=c"
    upstream = ScriptedUpstream(
        [ok([bar(1), bar(2)], next_url=second), ok(next_url=third, status="DELAYED"), ok([bar(3)], next_url=None)]
    )
    call = upstream.call()
    found = all_bars(upstream.client, "AAPL", 1, "minute", 1, 3, call, adjusted=True)
    assert ([b.t for b in found.bars], found.delayed) == ([1, 2, 3], True)
    assert [str(request.url) for request in upstream.requests[1:]] == [second, third]
    assert call.paid == ["aggs"] * 3


@pytest.mark.parametrize(
    "page",
    [
        ok([bar(1)]),
        ok([bar(3)], ticker="MSFT"),
        ok([bar(3)], status="ERROR"),
        httpx.Response(404),
    ],
)
def test_one_wrong_page_spoils_them_all(page: httpx.Response) -> None:
    with pytest.raises(UpstreamInvalid):
        aggs(ok([bar(1), bar(2)], next_url="https://upstream.test/p2"), page)


def test_a_page_on_another_host_is_not_requested() -> None:
    upstream = ScriptedUpstream([ok([bar(1)], next_url="https://elsewhere.test/p2")])
    with pytest.raises(UpstreamInvalid):
        all_bars(upstream.client, "AAPL", 1, "day", 1, 2, upstream.call(), adjusted=True)
    assert len(upstream.requests) == 1


PASSING: list[Step] = [
    httpx.Response(500, text="<html>down</html>"),
    httpx.Response(503),
    httpx.ReadTimeout("late"),
    httpx.RemoteProtocolError("disconnected"),
]


@pytest.mark.parametrize("failure", PASSING)
def test_what_may_pass_is_tried_once_more(failure: Step) -> None:
    upstream = ScriptedUpstream([failure, ok(quote())])
    call = upstream.call()
    assert upstream.client.last_nbbo("AAPL", call) is not None
    assert call.paid == ["nbbo"] * 2
    assert call.outcomes == [CallOutcome.FAILED, CallOutcome.OK]


@pytest.mark.parametrize("failure", PASSING)
def test_it_is_not_tried_a_third_time(failure: Step) -> None:
    upstream = ScriptedUpstream([failure, failure])
    with pytest.raises(Broken):
        upstream.client.last_nbbo("AAPL", upstream.call())
    assert len(upstream.requests) == 2


def test_a_connection_that_cannot_be_made_is_tried_once_more() -> None:
    refused = httpx.ConnectError("refused")
    upstream = ScriptedUpstream([refused, ok(quote()), refused, refused])
    call = upstream.call()
    assert upstream.client.last_nbbo("AAPL", call) is not None
    assert call.outcomes == [CallOutcome.UNREACHABLE, CallOutcome.OK]
    with pytest.raises(UpstreamUnreachable):
        upstream.client.last_nbbo("AAPL", call)
    assert len(upstream.requests) == 4


def test_an_answer_that_breaks_off_is_tried_once_more() -> None:
    def cut(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Half())

    assert nbbo(cut, ok(quote())) is not None
    upstream = ScriptedUpstream([cut, cut])
    call = upstream.call()
    with pytest.raises(Cut):
        upstream.client.last_nbbo("AAPL", call)
    assert call.outcomes == [CallOutcome.FAILED] * 2


@pytest.mark.parametrize(
    ("answer", "failure", "outcome"),
    [
        (httpx.Response(401), KeyRefused, CallOutcome.KEY_REFUSED),
        (httpx.Response(403, json={"status": "NOT_AUTHORIZED"}), NotEntitled, CallOutcome.NOT_ENTITLED),
        (httpx.Response(404, json={"status": "NOT_FOUND"}), UnknownSymbol, CallOutcome.NOT_FOUND),
        (httpx.Response(429), Throttled, CallOutcome.THROTTLED),
        (httpx.Response(400, json={"status": "ERROR"}), UpstreamInvalid, CallOutcome.MALFORMED),
        (httpx.Response(200, text="not json"), UpstreamInvalid, CallOutcome.MALFORMED),
    ],
)
def test_what_will_not_pass_is_not_tried_again(answer: Step, failure: type[Exception], outcome: CallOutcome) -> None:
    upstream = ScriptedUpstream([answer])
    call = upstream.call()
    with pytest.raises(failure):
        upstream.client.last_nbbo("AAPL", call)
    assert call.outcomes == [outcome]
    assert upstream.time.slept == []


def test_a_key_that_cannot_be_read_is_no_success() -> None:
    def unreadable() -> str:
        raise UpstreamDown("This service cannot read its key.", retry_after_s=5.0)

    upstream = ScriptedUpstream()
    upstream.transport.key = unreadable
    call = upstream.call()
    with pytest.raises(UpstreamDown):
        upstream.client.last_nbbo("AAPL", call)
    assert call.outcomes == [CallOutcome.KEY_MISSING]


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_the_wait_before_the_second_attempt_is_random_from_zero_up(random: float) -> None:
    upstream = ScriptedUpstream([httpx.Response(500), ok(quote())], random=random)
    upstream.client.last_nbbo("AAPL", upstream.call())
    assert sum(upstream.time.slept) == pytest.approx(random * MAX_JITTER_S)


def test_a_first_attempt_without_time_is_not_started() -> None:
    upstream = ScriptedUpstream()
    call = upstream.call(seconds=MIN_USEFUL_S - 0.01)
    with pytest.raises(DeadlineExceeded):
        upstream.client.last_nbbo("AAPL", call)
    assert (call.paid, call.observed, upstream.requests) == ([], [], [])


@pytest.mark.parametrize(("left_s", "attempts"), [(0.6, 1), (0.7, 2)])
def test_a_second_attempt_without_time_is_not_started(left_s: float, attempts: int) -> None:
    upstream = ScriptedUpstream()

    def slow(_: httpx.Request) -> httpx.Response:
        upstream.time.now_s += 0.9
        return httpx.Response(503)

    upstream.steps = [slow, httpx.Response(503)]
    with pytest.raises(Broken):
        upstream.client.last_nbbo("AAPL", upstream.call(seconds=0.9 + left_s))
    assert len(upstream.requests) == attempts


@pytest.mark.parametrize("failure", [httpx.ReadTimeout("late"), httpx.ConnectTimeout("late"), httpx.Response(503)])
def test_a_call_that_hung_is_not_tried_again(failure: Step) -> None:
    upstream = ScriptedUpstream()

    def hang(_: httpx.Request) -> httpx.Response:
        upstream.time.now_s += SLOW_FAILURE_S
        if isinstance(failure, Exception):
            raise failure
        assert isinstance(failure, httpx.Response)
        return failure

    upstream.steps = [hang]
    with pytest.raises(UpstreamDown):
        upstream.client.last_nbbo("AAPL", upstream.call())
    assert len(upstream.requests) == 1


def test_a_page_without_time_is_not_started() -> None:
    upstream = ScriptedUpstream()

    def slow(_: httpx.Request) -> httpx.Response:
        upstream.time.now_s += 4.9
        return ok([bar(1)], next_url="https://upstream.test/p2")

    upstream.steps = [slow]
    with pytest.raises(DeadlineExceeded):
        all_bars(upstream.client, "AAPL", 1, "day", 1, 2, upstream.call(seconds=5), adjusted=True)


def test_without_budget_nothing_is_sent() -> None:
    upstream = ScriptedUpstream()
    call = upstream.call()
    call.refusal = BudgetSpent("Used up.", retry_after_s=1.0)
    with pytest.raises(BudgetSpent):
        upstream.client.last_nbbo("AAPL", call)
    assert (upstream.requests, call.observed) == ([], [])


def test_the_time_that_an_attempt_took_is_reported() -> None:
    upstream = ScriptedUpstream()

    def slow(_: httpx.Request) -> httpx.Response:
        upstream.time.now_s += 1.5
        return ok(quote())

    upstream.steps = [slow]
    call = upstream.call()
    upstream.client.last_nbbo("AAPL", call)
    assert call.observed == [("nbbo", CallOutcome.OK, 1.5)]
