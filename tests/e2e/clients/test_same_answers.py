"""Data that does not change any more is the same from Dekr as from the upstream: every field, every figure."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.clients.conftest import Connect, Host
from tests.e2e.clients.test_ticks import WINDOW

type Call = Callable[..., Any]

CALLS: dict[str, Call] = {
    "day bars": lambda client, **how: client.get_aggs("AAPL", 1, "day", "2025-10-01", "2025-11-21", **how),
    "5 minutes": lambda client, **how: client.get_aggs("BACpL", 5, "minute", "2025-11-18", "2025-11-18", **how),
    "4 hours": lambda client, **how: client.get_aggs("QQQ", 4, "hour", "2025-11-17", "2025-11-21", sort="desc", **how),
    "weeks": lambda client, **how: client.get_aggs("MSFT", 1, "week", "2025-01-01", "2025-11-21", **how),
    "months": lambda client, **how: client.get_aggs("NVDA", 1, "month", "2024-01-01", "2025-10-31", **how),
    "not adjusted": lambda client, **how: client.get_aggs(
        "NVDA", 1, "day", "2024-06-03", "2024-06-14", adjusted=False, **how
    ),
    "previous close": lambda client, **how: client.get_previous_close_agg("MSFT", **how),
    "quotes": lambda client, **how: client.list_quotes("AAPL", **WINDOW, limit=50_000, **how),
    "trades": lambda client, **how: client.list_trades("AAPL", **WINDOW, limit=50_000, **how),
    "quotes of a moment on": lambda client, **how: client.list_quotes(
        "BRK.B", timestamp_gte="2025-11-19", timestamp_lt="2025-11-20", order="asc", limit=20, **how
    ),
    "news": lambda client, **how: client.list_ticker_news(
        "MSFT", published_utc_gte="2025-11-17", published_utc_lt="2025-11-19", limit=50, **how
    ),
    "all news": lambda client, **how: client.list_ticker_news(
        published_utc_lte="2025-11-19T15:00:00Z", order="desc", limit=20, **how
    ),
    "news the oldest first": lambda client, **how: client.list_ticker_news(
        "GOOGL", published_utc_gt="2025-11-17T12:00:00Z", order="asc", sort="published_utc", limit=5, **how
    ),
    "tickers": lambda client, **how: client.list_tickers(ticker_gte="Q", ticker_lt="QF", limit=100, **how),
    "tickers by all that they have": lambda client, **how: client.list_tickers(
        type="CS",
        market="stocks",
        exchange="XNAS",
        search="a",
        active=True,
        sort="ticker",
        order="desc",
        limit=5,
        **how,
    ),
    "one ticker": lambda client, **how: client.list_tickers("BRK.B", **how),
    "holidays": lambda client, **how: client.get_market_holidays(**how),
}


@pytest.mark.parametrize("kind", CALLS)
def test_both_hosts_agree(connect: Connect, upstream: Host, dekr: Host, kind: str) -> None:
    theirs, ours = (_wire(CALLS[kind](connect(host), raw=True)) for host in (upstream, dekr))

    assert json.loads(theirs)
    assert ours == theirs


def _wire(answer: Any) -> str:
    """The data of a raw answer, numbers as they were sent."""
    body = answer.json()
    return json.dumps(body["results"] if isinstance(body, dict) else body, sort_keys=True)
