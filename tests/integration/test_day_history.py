"""At night the finished day is added to the day bars of all tickers."""

from collections.abc import Iterator

import pytest

from dekr.deadline import Deadline
from dekr.market.warmer import Task
from dekr.store.link import Link
from tests.markets import Market, market

NIGHT = "2026-11-21T01:30:00Z"
"""Friday, 20:30 in New York."""

TICKERS = ("AAPL", "MSFT", "TSLA")


@pytest.fixture
def friday(link: Link) -> Iterator[Market]:
    """The service on a market, in the middle of a Friday; somebody has asked for years of days."""
    with market(link) as found:
        key = found.world.key(7)
        found.world.get("/quote/AAPL", key)
        for ticker in TICKERS:
            found.world.get(days(ticker), key)
        yield found


def days(ticker: str, *, adjusted: str = "true", first: str = "2025-01-02") -> str:
    return f"/market-data/{ticker}?from={first}&adjusted={adjusted}"


def night(on: Market) -> int:
    """A run of the warmer. How many calls it made."""
    before = on.calls
    on.world.services.warmer.run(Task.NIGHT, Deadline.after(60))
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
    """And one tells of splits. What is added is what a fetch of the year would have brought."""
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


def test_nothing_is_asked_for_where_nobody_has_days(link: Link) -> None:
    with market(link) as found:
        found.world.get("/quote/AAPL", found.world.key(7))
        found.sandbox.calls.clear()
        found.to(NIGHT)
        night(found)
        assert not [path for path in found.sandbox.calls if "grouped" in path]


def test_on_the_next_day_one_call_tells_that_nothing_was_split(friday: Market) -> None:
    friday.to(NIGHT)
    night(friday)
    friday.to("2026-11-23T15:00:00Z")
    for ticker in TICKERS:
        friday.world.get(f"/v2/snapshot/locale/us/markets/stocks/tickers/{ticker}", friday.world.key(7, "other"))
    assert [spent(friday, days(ticker)) for ticker in TICKERS] == [1, 0, 0]
    for ticker in TICKERS:
        assert [row[:6] for row in served(friday, ticker)] == [
            row[:6] for row in upstream(friday, ticker, "2025-01-02")
        ]


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
