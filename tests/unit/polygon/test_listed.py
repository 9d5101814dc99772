"""One broken item of a list never costs its neighbours: it is left out and counted, as long as it is one of few."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.errors import UpstreamInvalid
from dekr.flaws import Flaws
from dekr.gate.call import CallOutcome
from dekr.polygon import endpoints
from dekr.polygon.client import FUTURE_US, PolygonClient
from dekr.polygon.endpoints import Endpoint
from dekr.polygon.listed import MAX_BROKEN, last_of_each, rising
from dekr.polygon.wire import Bar
from tests.all_bars import all_bars
from tests.fakes.polygon_transport import NOW_US, FakeCall, ScriptedUpstream, bar, ok, quote

FAR_NS = (NOW_US + FUTURE_US + 1_000) * 1000
FAR_MS = FAR_NS // 1_000_000 + 1
NS = (NOW_US - 1_000_000) * 1000


def read[T](read: Callable[[PolygonClient, FakeCall], T], *answers: httpx.Response) -> tuple[T, FakeCall]:
    upstream = ScriptedUpstream(list(answers))
    call = upstream.call()
    return read(upstream.client, call), call


def aggs(client: PolygonClient, call: FakeCall) -> tuple[list[Bar], list[int], list[int]]:
    found = all_bars(client, "AAPL", 1, "minute", 1, 1_000, call, adjusted=True)
    return found.bars, found.dropped, found.suspect


def snapshot(ticker: object = "AAPL", **fields: Any) -> dict[str, Any]:
    return {"ticker": ticker, "lastQuote": quote()} | fields


def item(ticker: object = "AAPL", **fields: Any) -> dict[str, Any]:
    return {"ticker": ticker, "last_quote": {"bid": 1.5, "ask": 1.75, "last_updated": NS}} | fields


def article(id_: object, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "published_utc": "2026-11-20T14:00:00Z", "title": "t", "article_url": "u"} | fields


BROKEN_BARS = [None, "bar", {}, bar(3, c=None), bar(3, v=-1), bar(3, n=1.5), bar(3, o="1"), bar(FAR_MS)]


@pytest.mark.parametrize("broken", BROKEN_BARS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_bar_is_left_out_and_told(broken: Any, place: int) -> None:
    sent: list[Any] = [bar(2), bar(4)]
    sent.insert(place, broken)
    (bars, dropped, _), call = read(aggs, ok(sent))
    assert [each.t for each in bars] == [2, 4]
    where = broken["t"] if isinstance(broken, dict) and broken.get("t") == 3 else [1, 2, 4][place]
    assert dropped == [where]
    assert [(attempt.outcome, attempt.dropped) for attempt in call.attempts] == [(CallOutcome.OK, 1)]
    assert call.attempts[0].cause


def test_a_bar_that_is_not_in_its_place_is_left_out_and_told() -> None:
    (bars, dropped, _), call = read(aggs, ok([bar(2), bar(4), bar(9), bar(6), bar(7)]))
    assert ([each.t for each in bars], dropped) == ([2, 4, 6, 7], [9])
    assert call.attempts[0].dropped == 1


def test_of_a_bar_that_comes_twice_the_last_one_counts_and_nothing_is_lost() -> None:
    (bars, dropped, _), call = read(aggs, ok([bar(1, v=1), bar(2, v=1), bar(1, v=2), bar(3, v=1)]))
    assert [(each.t, each.v) for each in bars] == [(1, 2), (2, 1), (3, 1)]
    assert (dropped, call.attempts[0].dropped) == ([], 0)


def test_a_bar_that_two_pages_have_is_that_of_the_second() -> None:
    first = ok([bar(1, v=1), bar(2, v=1)], next_url="https://upstream.test/p2")
    (bars, dropped, _), _ = read(aggs, first, ok([bar(2, v=2), bar(3, v=2)]))
    assert [(each.t, each.v) for each in bars] == [(1, 1), (2, 2), (3, 2)]
    assert dropped == []


def test_prices_of_zero_and_a_low_above_the_high_pass_and_are_told() -> None:
    (bars, dropped, suspect), call = read(aggs, ok([bar(1), bar(2, o=0), bar(3, h=9, l=10), bar(4)]))
    assert ([each.t for each in bars], dropped, suspect) == ([1, 2, 3, 4], [], [2, 3])
    assert call.attempts[0].dropped == 0


@pytest.mark.parametrize(
    ("broken", "total", "good"),
    [(1, 1, False), (1, 2, True), (2, 2, False), (2, 3, False), (3, 100, True), (4, 100, False), (30, 1_000, True)],
)
def test_more_than_a_few_percent_is_no_answer(broken: int, total: int, good: bool) -> None:
    sent = [bar(t, **({"c": None} if t <= broken else {})) for t in range(1, total + 1)]
    upstream = ScriptedUpstream([ok(sent)])
    call = upstream.call()
    if good:
        assert len(all_bars(upstream.client, "AAPL", 1, "minute", 1, 1_000, call, adjusted=True).bars) == total - broken
    else:
        with pytest.raises(UpstreamInvalid):
            all_bars(upstream.client, "AAPL", 1, "minute", 1, 1_000, call, adjusted=True)
        assert call.outcomes == [CallOutcome.MALFORMED]


@given(st.lists(st.integers(1, 30), max_size=40))
def test_bars_out_of_order_lose_as_few_as_order_needs(times: list[int]) -> None:
    distinct = [times[position] for position in last_of_each(times)]
    kept = [distinct[position] for position in rising(distinct)]
    lost = len(distinct) - len(kept)
    upstream = ScriptedUpstream([ok([bar(t) for t in times])])
    if lost > max(1, len(times) * MAX_BROKEN):
        with pytest.raises(UpstreamInvalid):
            aggs(upstream.client, upstream.call())
    else:
        bars, dropped, _ = aggs(upstream.client, upstream.call())
        assert [each.t for each in bars] == kept == sorted(set(kept))
        assert len(dropped) == lost


@given(st.lists(st.integers(0, 12), max_size=8))
def test_the_longest_rising_part_is_the_longest(times: list[int]) -> None:
    found = [times[position] for position in rising(times)]
    assert found == sorted(set(found))
    longer = combinations(times, len(found) + 1)
    assert not any(list(each) == sorted(set(each)) for each in longer)


BROKEN_SNAPSHOTS = [
    None,
    {},
    snapshot(5),
    snapshot("MSFT", lastQuote=quote(p=-1)),
    snapshot("MSFT", lastQuote=quote(t=FAR_NS)),
    snapshot("MSFT", min={"c": 1, "t": FAR_MS}, lastQuote=None),
    snapshot("MSFT", day={"h": "12"}),
]


@pytest.mark.parametrize("broken", BROKEN_SNAPSHOTS)
def test_a_broken_snapshot_costs_the_market_one_ticker(broken: Any) -> None:
    found, call = read(PolygonClient.market, ok(tickers=[snapshot("AAPL"), broken, snapshot("TSLA")]))
    assert ([each.ticker for each in found.snapshots], found.dropped) == (["AAPL", "TSLA"], 1)
    assert call.attempts[0].dropped == 1


@pytest.mark.parametrize(
    "read_all", [PolygonClient.market, lambda client, call: client.snapshots(["AAPL", "TSLA", "KO"], call)]
)
def test_snapshots_whose_tickers_are_mixed_up_are_refused(read_all: Callable[..., object]) -> None:
    with pytest.raises(UpstreamInvalid):
        read(read_all, ok(tickers=[snapshot("AAPL", lastQuote=quote(p=price)) for price in (1, 2, 3)]))
    with pytest.raises(UpstreamInvalid):
        read(read_all, ok(tickers=[snapshot("TSLA"), snapshot("AAPL"), snapshot("AAPL"), {"ticker": 7}]))


def test_of_a_ticker_that_comes_twice_the_last_snapshot_counts() -> None:
    twice = [snapshot("AAPL"), snapshot("TSLA"), snapshot("AAPL", lastQuote=quote(p=126))]
    found, _ = read(PolygonClient.market, ok(tickers=twice))
    assert found.dropped == 0
    quotes = {each.ticker: each.quote and each.quote.fields["p"] for each in found.snapshots}
    assert quotes == {"AAPL": 126, "TSLA": quote()["p"]}


@pytest.mark.parametrize("broken", [*BROKEN_SNAPSHOTS, snapshot("SPY")])
def test_whoever_asked_for_a_broken_snapshot_is_told_so(broken: Any) -> None:
    names = ["AAPL", "MSFT", "TSLA"]
    found, call = read(
        lambda client, call: client.snapshots(names, call),
        ok(tickers=[snapshot("AAPL"), broken, snapshot("TSLA")]),
    )
    assert {each.ticker: each.error for each in found} == {"AAPL": None, "MSFT": "BROKEN", "TSLA": None}
    assert call.attempts[0].dropped == 1


def test_a_ticker_that_has_no_snapshot_is_not_taken_for_a_broken_one() -> None:
    found, _ = read(
        lambda client, call: client.snapshots(["AAPL", "MSFT", "TSLA"], call),
        ok(tickers=[snapshot("AAPL"), snapshot("TSLA", lastQuote=quote(p=-1))]),
    )
    assert {each.ticker: each.error for each in found} == {"AAPL": None, "TSLA": "BROKEN"}


@pytest.mark.parametrize(
    "broken",
    [
        None,
        item(5),
        item("SPY"),
        item("MSFT", last_quote={"bid": -1, "last_updated": NS}),
        item("MSFT", last_quote={"bid": 1, "ask": 2, "last_updated": FAR_NS}),
    ],
)
def test_a_broken_universal_item_is_named(broken: Any) -> None:
    found, call = read(
        lambda client, call: client.universal(["AAPL", "MSFT", "TSLA"], call),
        ok([item("AAPL"), broken, item("TSLA", error="")]),
    )
    assert {each.ticker: each.error for each in found} == {"AAPL": None, "MSFT": "BROKEN", "TSLA": None}
    assert call.attempts[0].dropped == 1


def test_a_universal_item_that_is_not_there_counts_as_broken() -> None:
    found, call = read(lambda client, call: client.universal(["AAPL", "MSFT"], call), ok([item("AAPL")]))
    assert {each.ticker: each.error for each in found} == {"AAPL": None, "MSFT": "BROKEN"}
    assert call.attempts[0].dropped == 1
    for answer in (ok([]), ok([item("SPY"), item("TSLA")]), ok()):
        with pytest.raises(UpstreamInvalid):
            read(lambda client, call: client.universal(["AAPL", "MSFT"], call), answer)


def test_the_last_of_two_universal_items_counts() -> None:
    newer = item("AAPL", last_quote={"bid": 3, "ask": 4, "last_updated": NS})
    found, _ = read(lambda client, call: client.universal(["AAPL"], call), ok([item("AAPL"), newer]))
    assert [each.quote and each.quote.fields["p"] for each in found] == [3]


def test_a_broken_bar_of_the_day_is_named() -> None:
    sent = [
        {"T": "AAPL"} | bar(n=12.0),
        {"T": "MSFT"} | bar(c=None),
        {"T": "TSLA"} | bar(),
        {"T": "AAPL"} | bar(n=13.0),
    ]
    found, call = read(lambda client, call: client.grouped("2026-11-19", call), ok(sent))
    assert (set(found.bars), set(found.broken)) == ({"AAPL", "TSLA"}, {"MSFT"})
    count = found.bars["AAPL"].fields["n"]
    assert (count, type(count)) == (13, int)
    assert call.attempts[0].dropped == 1


def _tick(**fields: Any) -> dict[str, Any]:
    return {"sip_timestamp": NS, "bid_price": 1.5, "ask_price": 1.75} | fields


LISTS: list[tuple[Endpoint, dict[str, Any], Any]] = [
    (endpoints.QUOTES, _tick(), _tick(sip_timestamp=FAR_NS)),
    (endpoints.QUOTES, _tick(), _tick(sip_timestamp="1")),
    (endpoints.QUOTES, _tick(), _tick(bid_price=-1)),
    (endpoints.TRADES, {"sip_timestamp": NS, "price": 1.5}, {"sip_timestamp": FAR_NS, "price": 1.5}),
    (endpoints.NEWS, article("a"), article(5)),
    (endpoints.NEWS, article("a"), article("b", published_utc="yesterday")),
    (endpoints.NEWS, article("a"), article("b", published_utc="2026-11-20T14:00:00")),
    (endpoints.TICKERS, {"ticker": "AAPL"}, {"name": "?"}),
    (endpoints.SPLITS, {"ticker": "AAPL", "execution_date": "2026-11-20"}, {"ticker": "AAPL"}),
    (endpoints.PREVIOUS_BAR, bar(), bar(FAR_MS)),
]


@pytest.mark.parametrize(("endpoint", "good", "broken"), LISTS)
def test_lists_that_are_passed_on_lack_their_broken_items(
    endpoint: Endpoint, good: dict[str, Any], broken: Any
) -> None:
    (sent, call) = read(
        lambda client, call: client.answer(endpoint, {}, call, ticker="AAPL"), ok([good, broken], count=2)
    )
    assert (sent.body["results"], sent.body["count"]) == ([good], 1)
    assert (sent.flaws, sent.broken) == (Flaws(dropped=1), [broken])
    assert call.attempts[0].dropped == 1
    with pytest.raises(UpstreamInvalid):
        read(lambda client, call: client.answer(endpoint, {}, call, ticker="AAPL"), ok([broken]))


def test_a_day_of_the_calendar_that_is_broken_is_left_out() -> None:
    day = {"date": "2026-11-26", "exchange": "NYSE", "name": "Thanksgiving", "status": "closed"}
    answer = httpx.Response(200, json=[day, {"date": 5}])
    sent, _ = read(lambda client, call: client.answer(endpoints.UPCOMING, {}, call), answer)
    assert (sent.body, sent.flaws) == ([day], Flaws(dropped=1))


def test_of_an_article_that_comes_twice_the_last_one_counts() -> None:
    answer = ok([article("a", title="old"), article("b"), article("a", title="new")], count=3)
    sent, _ = read(lambda client, call: client.answer(endpoints.NEWS, {}, call), answer)
    assert [(each["id"], each["title"]) for each in sent.body["results"]] == [("a", "new"), ("b", "t")]
    assert (sent.body["count"], sent.flaws) == (2, Flaws())


def test_crossed_ticks_and_trades_without_a_price_pass_and_are_told() -> None:
    crossed, one_sided = _tick(bid_price=2, ask_price=1), _tick(bid_price=0)
    sent, _ = read(
        lambda client, call: client.answer(endpoints.QUOTES, {}, call, ticker="AAPL"), ok([crossed, one_sided, _tick()])
    )
    assert (len(sent.body["results"]), sent.flaws) == (3, Flaws(suspect=1))
    free = {"sip_timestamp": NS, "price": 0}
    sent, _ = read(lambda client, call: client.answer(endpoints.TRADES, {}, call, ticker="AAPL"), ok([free]))
    assert sent.flaws == Flaws(suspect=1)
