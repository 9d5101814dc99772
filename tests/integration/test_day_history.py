"""At night the finished day is added to the day bars of all tickers."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from dekr.market.warming.warmer import Task
from dekr.store import Command
from dekr.store.link import Link
from tests.markets import Market, market
from tests.patience import always
from tests.world import World

NIGHT = "2026-11-21T01:30:00Z"
"""Friday, 20:30 in New York."""

TICKERS = ("AAPL", "MSFT", "TSLA")


@pytest.fixture
def friday(link: Link) -> Iterator[Market]:
    """The service on a market, in the middle of a Friday; some readers have requested years of days."""
    with market(link) as found:
        key = found.world.key(7)
        found.world.get("/quote/AAPL", key)
        for ticker in TICKERS:
            found.world.get(days(ticker), key)
        yield found


def days(ticker: str, *, adjusted: str = "true", first: str = "2025-01-02") -> str:
    return f"/market-data/{ticker}?from={first}&adjusted={adjusted}"


def night(on: Market) -> int:
    """Run the warmer; returns the number of its upstream calls."""
    before = on.calls
    on.world.services.warmer.run(Task.NIGHT, always(60))
    return on.calls - before


def spent(on: Market, path: str) -> int:
    before = on.calls
    assert on.world.get(path, on.world.key(7)).status == 200
    return on.calls - before


def upstream(on: Market, ticker: str, first: str, adjusted: str = "true") -> list[list[object]]:
    path = f"/v2/aggs/ticker/{ticker}/range/1/day/{first}/2026-12-31?limit=50000&adjusted={adjusted}"
    bars = on.upstream.get(path).json()["results"]
    return [[bar[name] for name in ("o", "h", "l", "c", "v", "vw", "n")] for bar in bars]


def served(on: Market, ticker: str, first: str = "2025-01-02", adjusted: str = "true") -> list[list[object]]:
    found = on.world.get(days(ticker, adjusted=adjusted, first=first), on.world.key(7)).json
    names = ("open", "high", "low", "close", "volume", "vwap", "transactions")
    return [[bar[name] for name in names] for bar in found]


def test_one_call_adds_the_day_for_everybody(friday: Market) -> None:
    """One call fetches the day and one the splits. The added bar equals the one that a fetch of the year would bring."""
    friday.to(NIGHT)
    assert night(friday) == 2
    for ticker in TICKERS:
        assert spent(friday, days(ticker)) == 0
        assert served(friday, ticker) == upstream(friday, ticker, "2025-01-02")


def test_raw_bars_take_a_call_of_their_own(friday: Market) -> None:
    spent(friday, days("AAPL", adjusted="false"))
    friday.to(NIGHT)
    assert night(friday) == 3
    assert spent(friday, days("AAPL", adjusted="false")) == 0
    assert served(friday, "AAPL", adjusted="false") == upstream(friday, "AAPL", "2025-01-02", "false")


def test_a_day_is_added_once(friday: Market) -> None:
    friday.to(NIGHT)
    night(friday)
    friday.later(3600)
    assert night(friday) == 0


def test_what_lacks_an_earlier_day_is_left_to_its_reader(friday: Market) -> None:
    friday.to("2026-11-24T01:30:00Z")  # Monday night, and nothing ran on Friday
    night(friday)
    assert spent(friday, days("MSFT")) == 1
    assert served(friday, "MSFT") == upstream(friday, "MSFT", "2025-01-02")


def test_no_call_is_made_where_no_days_are_cached(link: Link) -> None:
    with market(link) as found:
        found.world.get("/quote/AAPL", found.world.key(7))
        found.sandbox.calls.clear()
        found.to(NIGHT)
        night(found)
        assert not [path for path in found.sandbox.calls if "grouped" in path]


def test_in_the_next_pre_market_the_settled_day_is_added_once_more(friday: Market) -> None:
    friday.to(NIGHT)
    night(friday)
    friday.to("2026-11-23T09:02:00Z")
    assert night(friday) == 2
    assert night(friday) == 0
    friday.to("2026-11-23T15:00:00Z")
    assert night(friday) == 0
    for ticker in TICKERS:
        friday.world.get(f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", friday.world.key(7, "other"))
    assert [spent(friday, days(ticker)) for ticker in TICKERS] == [0, 0, 0]
    for ticker in TICKERS:
        assert [row[:6] for row in served(friday, ticker)] == [
            row[:6] for row in upstream(friday, ticker, "2025-01-02")
        ]


def test_where_the_day_was_not_settled_for_all_each_reader_pays_for_it(friday: Market) -> None:
    friday.to(NIGHT)
    night(friday)
    friday.to("2026-11-23T15:00:00Z")
    for ticker in TICKERS:
        friday.world.get(f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", friday.world.key(7, "other"))
    assert [spent(friday, days(ticker)) for ticker in TICKERS] == [1, 1, 1]
    for ticker in TICKERS:
        assert served(friday, ticker) == upstream(friday, ticker, "2025-01-02")


def test_a_year_that_was_split_is_not_added_to(link: Link) -> None:
    with market(link) as found:
        found.to("2024-06-08T01:30:00Z")  # Friday, after the close; NVDA's split takes effect on Monday
        key = found.world.key(7)
        found.world.get("/quote/AAPL", key)
        for ticker in ("AAPL", "NVDA"):
            found.world.get(days(ticker, first="2024-05-01"), key)
        found.to("2024-06-11T01:30:00Z")
        found.world.get("/quote/AAPL", key)
        night(found)
        assert [spent(found, days(ticker, first="2024-05-01")) for ticker in ("AAPL", "NVDA")] == [0, 1]
        for ticker in ("AAPL", "NVDA"):
            assert served(found, ticker, "2024-05-01") == upstream(found, ticker, "2024-05-01")


class SlowClock:
    """A store as a machine sees it whose own clock is some milliseconds behind."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.prefix = link.prefix

    @property
    def clock_offset_us(self) -> int:
        return self.link.clock_offset_us - 5_000

    @clock_offset_us.setter
    def clock_offset_us(self, offset_us: int) -> None:
        self.link.clock_offset_us = offset_us

    def run(self, *commands: Command) -> list[Any]:
        return self.link.run(*commands)

    def shards(self) -> "Sequence[SlowClock]":
        return (self,)


@pytest.fixture
def popular(link: Link) -> World:
    """On a Friday a reader has requested the days of two tickers; it is the first moment of the night."""
    world = World(SlowClock(link))
    world.upstream.listed = ("AAPL", "MSFT")
    world.to("2026-11-20T15:00:00Z")
    for ticker in ("AAPL", "MSFT"):
        world.get(days(ticker), world.key(7))
        world.services.demand.count_served(ticker, 1)
    world.store.run(*world.services.demand.all())
    world.upstream.calls.clear()
    world.to("2026-11-21T01:20:00Z")
    return world


def runs(world: World) -> list[str]:
    """Run the warmer; returns the last part of each path that it requested."""
    before = len(world.upstream.calls)
    world.services.warmer.run(Task.NIGHT, always(60))
    return [path.rsplit("/", 1)[-1] for path in world.upstream.calls[before:]]


def test_a_machine_whose_clock_is_behind_does_not_load_again_what_a_call_for_all_brings(popular: World) -> None:
    assert runs(popular) == ["2026-11-20", "splits"]
    popular.later(300)
    assert runs(popular) == []


def test_while_the_day_is_not_published_nothing_is_loaded_ticker_by_ticker(popular: World) -> None:
    nothing = httpx.Response(200, json={"status": "OK", "resultsCount": 0})
    popular.upstream.answer = lambda request: nothing if "/grouped/" in request.url.path else None
    assert runs(popular) == ["2026-11-20"]
    popular.upstream.answer = lambda _: None
    popular.later(300)
    assert runs(popular) == ["2026-11-20", "splits"]
    assert runs(popular) == []


def test_where_the_plan_has_no_such_bars_the_popular_are_loaded_one_by_one(popular: World) -> None:
    popular.upstream.denied = {"grouped"}
    assert len(runs(popular)) == 1 + 2
    popular.later(300)
    assert runs(popular) == []


def wrong(ticker: str) -> httpx.Response:
    bars = [{"t": 1_700_000_000_000, "o": "x"}]
    return httpx.Response(200, json={"ticker": ticker, "status": "OK", "results": bars})


def refused(_: str) -> httpx.Response:
    return httpx.Response(403, json={"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."})


@pytest.mark.parametrize("answer", [wrong, refused])
def test_a_ticker_that_the_upstream_has_wrong_does_not_end_the_night(popular: World, answer: Any) -> None:
    requests = {"AAPL": 9, "TSLA": 5, "MSFT": 4, "KO": 3}
    for ticker, count in requests.items():
        for _ in range(count):
            popular.services.demand.count_served(ticker, 1)
    popular.store.run(*popular.services.demand.all())
    popular.upstream.answer = lambda request: answer("TSLA") if "/ticker/TSLA/" in request.url.path else None
    report = popular.services.warmer.run(Task.NIGHT, always(60))
    assert report.done == "up to date"
    assert any("/ticker/KO/" in path for path in popular.upstream.calls)


def test_an_upstream_that_is_down_ends_the_run(popular: World) -> None:
    popular.services.demand.count_served("TSLA", 1)
    popular.services.demand.count_served("KO", 1)
    popular.store.run(*popular.services.demand.all())
    popular.upstream.answer = lambda request: httpx.Response(500) if "/range/" in request.url.path else None
    report = popular.services.warmer.run(Task.NIGHT, always(60))
    assert report.done == "upstream_unavailable"
    assert len({path for path in popular.upstream.calls if "/range/" in path}) == 1


def test_where_nothing_can_be_used_the_run_ends(popular: World) -> None:
    for number in range(20):
        popular.services.demand.count_served(f"X{chr(65 + number)}", 1)
    popular.store.run(*popular.services.demand.all())
    popular.upstream.answer = lambda request: wrong("X") if "/ticker/X" in request.url.path else None
    report = popular.services.warmer.run(Task.NIGHT, always(60))
    assert report.done == "upstream_invalid"
    assert 1 < len({path for path in popular.upstream.calls if "/ticker/X" in path}) < 10
