"""The contract that both upstreams of the tests keep: the sandbox market and the small fake."""

from itertools import pairwise

import pytest

from dekr.errors import UnknownSymbol
from tests.all_bars import all_bars
from tests.contract.polygon.conftest import Upstream
from tests.fakes.polygon_transport import NOW_US
from tests.fakes.upstream import UNKNOWN, FakeUpstream

NOW_MS = NOW_US // 1000
DAY_MS = 86_400_000


@pytest.fixture(params=["sandbox", "fake"])
def upstream(request: pytest.FixtureRequest) -> Upstream:
    if request.param == "fake":
        return Upstream(FakeUpstream(lambda: NOW_US).client(lambda: NOW_US))
    found: Upstream = request.getfixturevalue("advanced")
    return found


def test_a_quote_has_a_bid_below_its_ask_and_a_time_in_ns(upstream: Upstream) -> None:
    found = upstream.client.last_nbbo("AAPL", upstream.call())
    assert found is not None
    assert (found.source, found.delayed) == ("nbbo", False)
    assert 0 < found.fields["p"] <= found.fields["P"]
    assert found.fields["T"] == "AAPL"
    assert abs(found.fields["t"] - NOW_US * 1000) < 3_600 * 10**9


def test_a_snapshot_has_a_quote(upstream: Upstream) -> None:
    snapshot = upstream.client.snapshot("AAPL", upstream.call())
    assert snapshot is not None
    found = snapshot.quote
    assert found is not None
    assert found.source == "snapshot"
    assert 0 < found.fields["p"] <= found.fields["P"]
    assert abs(found.fields["t"] - NOW_US * 1000) < 3_600 * 10**9


@pytest.mark.parametrize(("multiplier", "timespan"), [(1, "minute"), (5, "minute"), (1, "hour"), (1, "day")])
def test_bars_are_in_order_and_in_their_range(upstream: Upstream, multiplier: int, timespan: str) -> None:
    first, last = NOW_MS - 8 * DAY_MS, NOW_MS - DAY_MS
    found = all_bars(upstream.client, "AAPL", multiplier, timespan, first, last, upstream.call(), adjusted=True)
    starts = [bar.t for bar in found.bars]
    assert len(starts) > 3
    assert all(earlier < later for earlier, later in pairwise(starts))
    assert first - DAY_MS < starts[0] <= starts[-1] <= last


def test_the_newest_minute_is_of_today(upstream: Upstream) -> None:
    found = upstream.client.newest_minute("AAPL", upstream.call())
    assert found is not None
    assert (found.source, found.fields["c"] > 0) == ("minute_bar", True)
    assert NOW_MS - DAY_MS < found.fields["t"] <= NOW_MS


def test_the_previous_close_is_of_another_day(upstream: Upstream) -> None:
    found = upstream.client.previous_close("AAPL", upstream.call())
    assert found is not None
    assert found.source == "previous_close"
    assert found.fields["l"] <= found.fields["c"] <= found.fields["h"]
    assert found.fields["t"] < NOW_MS - DAY_MS // 2


def test_an_unknown_ticker_is_404_for_quotes_and_empty_for_bars(upstream: Upstream) -> None:
    with pytest.raises(UnknownSymbol):
        upstream.client.last_nbbo(UNKNOWN, upstream.call())
    assert upstream.client.snapshot(UNKNOWN, upstream.call()) is None
    assert upstream.client.newest_minute(UNKNOWN, upstream.call()) is None
    assert upstream.client.previous_close(UNKNOWN, upstream.call()) is None
    assert (
        all_bars(upstream.client, UNKNOWN, 1, "day", NOW_MS - DAY_MS, NOW_MS, upstream.call(), adjusted=True).bars == []
    )
