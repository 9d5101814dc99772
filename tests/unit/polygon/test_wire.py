"""Models of the wire accept valid answers alone, and numbers come through as they were sent."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dekr.polygon.wire import Aggregates, Bar, LastQuote, LastQuoteAnswer
from dekr.polygon.wire_snapshots import SnapshotAnswer
from tests.fakes.polygon_transport import ScriptedUpstream, bar, ok, quote

amounts = st.one_of(st.integers(0, 10**15), st.floats(0, 1e15, allow_nan=False))
prices = st.one_of(st.integers(1, 10**12), st.floats(1e-6, 1e12, allow_nan=False))


def same(sent: object, got: object) -> bool:
    """Return whether two values are equal and of one kind of number."""
    return type(sent) is type(got) and sent == got


@given(st.lists(prices, min_size=4, max_size=4), amounts, amounts, st.integers(0, 10**9))
def test_a_bars_numbers_pass_unchanged(four: list[float], v: float, vw: float, n: int) -> None:
    low, o, c, high = sorted(four)
    sent = json.loads(
        json.dumps({"o": o, "h": high, "l": low, "c": c, "v": v, "vw": vw, "n": n, "t": 1_795_100_000_000})
    )
    got = Bar.model_validate(sent).model_dump()
    assert all(same(sent[name], got[name]) for name in sent)
    assert json.dumps(got, sort_keys=True) == json.dumps(sent, sort_keys=True)


@given(prices, amounts, prices, amounts)
def test_a_quotes_numbers_pass_unchanged(bid: float, bid_size: float, ask: float, ask_size: float) -> None:
    sent = quote(p=bid, s=bid_size, P=ask, S=ask_size)
    upstream = ScriptedUpstream([ok(sent)])
    got = upstream.client.last_nbbo("AAPL", upstream.call())
    assert got is not None
    assert all(same(sent[name], got.fields[name]) for name in sent)


@pytest.mark.parametrize("name", ["o", "h", "l", "c", "v", "t"])
@pytest.mark.parametrize("value", [None, "11", True, math.nan, math.inf, -math.inf, -1, [11], {}])
def test_a_bar_with_anything_but_a_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Bar.model_validate(bar() | {name: value})


@pytest.mark.parametrize(
    "wrong",
    [
        {"h": -9.99},
        {"v": -1},
        {"vw": -1},
        {"n": -1},
        {"n": 1.5},
        {"t": 1.5},
    ],
)
def test_a_bar_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Bar.model_validate(bar() | wrong)


@pytest.mark.parametrize(
    "odd",
    [
        {"h": 9.99},
        {"o": 0},
        {"h": 0, "l": 0},
        {"l": 0},
        {"c": 0.0},
        {"vw": 12.5},
        {"o": 12.01},
        {"c": 9.5},
        {"v": 0},
        {"otc": True},
        {"new_field": [1, 2]},
    ],
)
def test_a_bar_that_is_only_odd_is_taken(odd: dict[str, Any]) -> None:
    assert Bar.model_validate(bar() | odd)


@pytest.mark.parametrize("odd", [{"h": 9.99}, {"o": 0}, {"h": 0, "l": 0}, {"l": 0}, {"c": 0.0}])
def test_a_price_of_zero_and_a_low_above_the_high_are_suspect(odd: dict[str, Any]) -> None:
    assert Bar.model_validate(bar() | odd).suspect
    assert not Bar.model_validate(bar()).suspect


@pytest.mark.parametrize("count", [12, 12.0, 0.0])
def test_a_count_without_a_fraction_is_an_integer(count: float) -> None:
    found = Bar.model_validate(bar(n=count)).n
    assert (found, type(found)) == (int(count), int)


@pytest.mark.parametrize("absent", ["vw", "n"])
def test_a_bar_may_lack_what_some_bars_lack(absent: str) -> None:
    sent = {name: value for name, value in bar().items() if name != absent}
    assert getattr(Bar.model_validate(sent), absent) is None


@pytest.mark.parametrize("name", ["o", "h", "l", "c", "v", "t"])
def test_a_bar_may_not_lack_the_rest(name: str) -> None:
    with pytest.raises(ValidationError):
        Bar.model_validate({key: value for key, value in bar().items() if key != name})


@pytest.mark.parametrize("side", [{"p": 0, "s": 0}, {"P": 0, "S": 0}, {"p": None}, {"P": None}])
def test_a_market_with_one_side_is_a_quote(side: dict[str, Any]) -> None:
    assert not LastQuote.model_validate(quote() | side).empty


def test_a_market_without_sides_is_empty() -> None:
    assert LastQuote.model_validate(quote(p=0, P=0)).empty
    assert LastQuote.model_validate({"t": 1}).empty


@pytest.mark.parametrize("name", ["p", "P", "s", "S", "t"])
@pytest.mark.parametrize("value", ["1", True, math.nan, math.inf, -0.01, []])
def test_a_quote_with_anything_but_numbers_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        LastQuoteAnswer.model_validate({"status": "OK", "results": quote() | {name: value}})


@pytest.mark.parametrize("results", [{}, {"results": None}, {"results": []}])
def test_aggregates_without_results_are_empty(results: dict[str, Any]) -> None:
    assert not Aggregates.model_validate({"status": "OK", "ticker": "AAPL", "resultsCount": 0, **results}).results


def test_a_snapshot_may_lack_quote_and_minute() -> None:
    found = SnapshotAnswer.model_validate({"status": "OK", "ticker": {"ticker": "AAPL", "min": None, "day": {"c": 0}}})
    assert found.ticker.lastQuote is None
    assert found.ticker.min is None
