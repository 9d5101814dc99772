"""The strategy builder replays years of minute bars: in order, none missing, none doubled."""

from typing import Any

import pytest

from dekr.times import rfc3339_ms
from local.sandbox.universe import tickers
from tests.contract.modules.conftest import NIGHT, Module
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import pages

YEARS = "2024-10-01", "2026-11-20"
RARE = tickers()[-1]
"""A ticker that is traded in few of the day's minutes."""


def _expected(module: Module, ticker: str, first: str, last: str) -> list[dict[str, Any]]:
    path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{first}/{last}"
    return pages(module.market, path, limit=50_000)


def _own(module: Module, ticker: str, sort: str) -> list[tuple[str, float, float]]:
    first, last = YEARS
    path = f"/market-data/{ticker}?timespan=minute&from={first}&to={last}&sort={sort}"
    more = {"headers": {"x-dekr-user": "ann"}}
    return [
        (bar["timestamp"], bar["close"], bar["volume"])
        for answer in followed(module.market.world, path, module.key, **more)
        for bar in answer.json
    ]


def _compatible(module: Module, ticker: str, sort: str) -> list[dict[str, Any]]:
    first, last = YEARS
    path = f"/v2/aggs/ticker/{ticker}/range/1/minute/{first}/{last}?sort={sort}&limit=50000"
    more = {"headers": {"x-dekr-user": "ann"}}
    return [bar for answer in followed(module.market.world, path, module.key, **more) for bar in answer.json["results"]]


@pytest.mark.parametrize(("ticker", "least"), [("AAPL", 400_000), (RARE, 1_000)])
def test_two_years_of_minutes(module: Module, ticker: str, least: int) -> None:
    module.market.to(NIGHT)
    module.user("ann", 7)
    expected = _expected(module, ticker, *YEARS)
    ours = [(rfc3339_ms(bar["t"]), bar["c"], bar["v"]) for bar in expected]
    assert len(ours) > least

    assert _own(module, ticker, "asc") == ours
    calls = module.market.calls
    # Settled history is never requested again, in either order and either dialect; newest first, the beginning of a rare
    # ticker's history is requested once.
    assert _own(module, ticker, "desc") == ours[::-1]
    assert _compatible(module, ticker, "asc") == expected
    assert module.market.calls - calls <= (ticker == RARE)


def test_newest_first_in_polygons_dialect(module: Module) -> None:
    module.market.to(NIGHT)
    module.user("ann", 7)
    assert _compatible(module, RARE, "desc") == _expected(module, RARE, *YEARS)[::-1]


def test_the_years_cost_few_calls_and_only_once(module: Module) -> None:
    module.market.to(NIGHT)
    module.user("ann", 7)
    first = _own(module, RARE, "asc")
    calls = module.market.calls
    # The upstream's own pages hold 50 000 minutes that were traded.
    assert calls <= 2 + len(first) // 50_000 + 2 * 366 * 960 // 50_000
    module.market.to("2026-11-21T23:00:00Z")
    assert _own(module, RARE, "asc") == first
    assert module.market.calls == calls
