"""Plans and faults of the sandbox market, as the client reports them."""

import logging
from collections.abc import Callable

import pytest

from dekr.errors import UpstreamInvalid
from dekr.gate.call import CallOutcome
from dekr.polygon.client import Bars
from dekr.polygon.failures import Broken, Cut, KeyRefused, NotEntitled, Throttled
from dekr.polygon.latest import Latest
from tests.all_bars import all_bars
from tests.contract.polygon.conftest import Upstream, connected, hurried
from tests.fakes.polygon_transport import KEY, NOW_US, FakeCall

NOW_MS = NOW_US // 1000
DAY_MS = 86_400_000

type Read = Callable[[Upstream, FakeCall], object]


def nbbo(upstream: Upstream, call: FakeCall) -> Latest | None:
    return upstream.client.last_nbbo("AAPL", call)


def snapshot(upstream: Upstream, call: FakeCall) -> Latest | None:
    found = upstream.client.snapshot("AAPL", call)
    return found.quote if found else None


def aggs(upstream: Upstream, call: FakeCall) -> Bars:
    return all_bars(upstream.client, "AAPL", 1, "day", NOW_MS - 30 * DAY_MS, NOW_MS, call, adjusted=True)


def prev(upstream: Upstream, call: FakeCall) -> Latest | None:
    return upstream.client.previous_close("AAPL", call)


EACH = pytest.mark.parametrize("read", [nbbo, snapshot, aggs, prev])


def test_the_free_plan_has_bars_and_the_previous_close(free: Upstream) -> None:
    for read in (nbbo, snapshot):
        with pytest.raises(NotEntitled):
            read(free, free.call())
    assert len(aggs(free, free.call()).bars) > 10
    assert prev(free, free.call()) is not None


def test_the_free_plan_allows_five_calls_a_minute(free: Upstream) -> None:
    for _ in range(5):
        prev(free, free.call())
    call = free.call()
    with pytest.raises(Throttled):
        prev(free, call)
    assert call.outcomes == [CallOutcome.THROTTLED]


def test_the_starter_plan_has_delayed_snapshots_without_quotes(starter: Upstream) -> None:
    with pytest.raises(NotEntitled):
        nbbo(starter, starter.call())
    found = snapshot(starter, starter.call())
    assert found is not None
    assert (found.source, found.delayed) == ("minute_bar", True)
    assert aggs(starter, starter.call()).delayed


def test_many_minutes_come_over_several_pages(advanced: Upstream) -> None:
    before, call = advanced.calls(), advanced.call(60.0)
    found = all_bars(advanced.client, "AAPL", 1, "minute", NOW_MS - 100 * DAY_MS, NOW_MS, call, adjusted=True)
    assert len(found.bars) > 50_000
    assert advanced.calls() - before == len(call.paid) > 1


def test_a_call_logs_neither_the_key_nor_a_query(advanced: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with connected(advanced.url, KEY) as client:
        all_bars(client, "AAPL", 1, "day", NOW_MS - 30 * DAY_MS, NOW_MS, advanced.call(), adjusted=True)
    assert caplog.text  # the connection's own lines were caught
    assert KEY not in caplog.text
    assert "limit=" not in caplog.text


def test_a_wrong_key_is_refused(advanced: Upstream) -> None:
    with connected(advanced.url, "another-key-not-real") as stranger, pytest.raises(KeyRefused):
        stranger.last_nbbo("AAPL", advanced.call())


@EACH
@pytest.mark.parametrize(
    ("kind", "failure", "calls"),
    [
        ("401", KeyRefused, 1),
        ("403", NotEntitled, 1),
        ("429", Throttled, 1),
        ("500_html", Broken, 2),
        ("malformed", UpstreamInvalid, 1),
        ("truncated", Cut, 2),
        ("wrong_ticker", UpstreamInvalid, 1),
    ],
)
def test_each_fault_is_the_right_failure(
    advanced: Upstream, read: Read, kind: str, failure: type[Exception], calls: int
) -> None:
    advanced.fault(kind)
    call = advanced.call()
    with pytest.raises(failure) as caught:
        read(advanced, call)
    assert type(caught.value) is failure
    assert len(call.paid) == calls


@pytest.mark.parametrize("read", [nbbo, snapshot, prev])
def test_the_one_price_of_an_answer_must_not_be_from_the_future(advanced: Upstream, read: Read) -> None:
    advanced.fault("future")
    with pytest.raises(UpstreamInvalid):
        read(advanced, advanced.call())


@pytest.mark.parametrize(("kind", "dropped"), [("future", 1), ("broken_item", 1), ("doubled_item", 0)])
def test_one_bar_that_cannot_be_used_costs_no_other(advanced: Upstream, kind: str, dropped: int) -> None:
    usual = aggs(advanced, advanced.call())
    advanced.fault(kind)
    found = aggs(advanced, advanced.call())
    assert (len(found.bars), len(found.dropped)) == (len(usual.bars) - dropped, dropped)


@EACH
@pytest.mark.parametrize("kind", ["500_html", "truncated"])
def test_what_fails_once_succeeds_at_the_second_attempt(advanced: Upstream, read: Read, kind: str) -> None:
    advanced.fault(kind, count=1)
    call = advanced.call()
    assert read(advanced, call)
    assert call.outcomes == [CallOutcome.FAILED, CallOutcome.OK]


def test_an_empty_answer_is_no_bars_and_no_quote(advanced: Upstream) -> None:
    advanced.fault("empty")
    assert aggs(advanced, advanced.call()).bars == []
    assert prev(advanced, advanced.call()) is None
    for read in (nbbo, snapshot):
        with pytest.raises(UpstreamInvalid):
            read(advanced, advanced.call())


@EACH
def test_a_hang_ends_at_the_deadline(advanced: Upstream, read: Read) -> None:
    advanced.fault("hang")
    call = advanced.call(0.6)
    with hurried(advanced.url, KEY) as client, pytest.raises(Broken):
        read(Upstream(client), call)
    assert call.outcomes == [CallOutcome.FAILED]


def test_a_slow_answer_is_waited_for_while_there_is_time(advanced: Upstream) -> None:
    advanced.fault("slow", seconds=0.2, count=1)
    advanced.fault("slow", seconds=600)
    assert nbbo(advanced, advanced.call())
    with hurried(advanced.url, KEY) as client, pytest.raises(Broken):
        nbbo(Upstream(client), advanced.call(0.6))
