"""Every list of the upstream's may have a broken or a doubled item: the rest of it is served, and the answer says so."""

import pytest

from local.sandbox.faults import Fault
from tests.markets import Market

GZIP = {"accept-encoding": "gzip"}
PATHS = [
    "/market-data/AAPL?limit=200",
    "/market-data/AAPL?timespan=minute&from=2026-11-20&to=2026-11-20",
    "/news?symbol=AAPL",
    "/news?limit=100",
    "/symbols?search=a",
    "/v2/aggs/ticker/AAPL/range/1/day/2026-01-01/2026-11-20",
    "/v2/reference/news?limit=50",
    "/v2/snapshot/locale/us/markets/stocks/tickers",
    "/v2/snapshot/locale/us/markets/stocks/tickers?tickers=AAPL,MSFT,TSLA",
    "/v3/quotes/AAPL?limit=100",
    "/v3/trades/AAPL?limit=100",
    "/v3/reference/tickers?limit=100",
    "/v3/snapshot?ticker.any_of=AAPL,MSFT,TSLA",
    "/v1/marketstatus/upcoming",
]
ONCE_ONLY = [
    path for path in PATHS if not path.startswith(("/symbols", "/v3/reference", "/v3/quotes", "/v3/trades", "/v1"))
]
"""The lists whose items have a key, so that one which comes twice is known for the same."""

LISTS = ("articles", "results", "tickers")
KEYS = ("id", "ticker", "timestamp", "t")


@pytest.mark.parametrize("path", PATHS)
def test_a_broken_item_costs_no_other(night: Market, path: str) -> None:
    key = night.world.key()
    night.sandbox.faults.standing.append(Fault("broken_item", "/", None, 0))
    for _ in range(2):
        answer = night.world.get(path, key, headers=GZIP)
        assert (answer.status, answer.headers["X-Data-Warning"]) == (200, "partial; dropped=1")
    assert answer.headers["Cache-Status"].startswith("dekr; hit")


@pytest.mark.parametrize("path", ONCE_ONLY)
def test_a_doubled_item_is_served_once(night: Market, path: str) -> None:
    key = night.world.key()
    night.sandbox.faults.standing.append(Fault("doubled_item", "/", None, 0))
    answer = night.world.get(path, key, headers=GZIP)
    assert (answer.status, answer.headers.get("X-Data-Warning")) == (200, None)
    found = answer.json
    items = found if isinstance(found, list) else next(found[name] for name in LISTS if name in found)
    keys = [next(each[name] for name in KEYS if name in each) for each in items]
    assert len(keys) > 2
    assert len(set(keys)) == len(keys)
