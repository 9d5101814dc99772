"""The service on a simulated market, whose own answers are what it is held against."""

from collections.abc import Iterator

import pytest

from dekr.store.link import Link
from local.sandbox.plans import FREE, STARTER
from tests.markets import Market
from tests.markets import market as open_market

CLOSED = "2026-11-21T07:00:00Z"
"""Friday's market is over: two answers are of the same market, whatever the time between them."""


@pytest.fixture
def night(market: Market) -> Market:
    """The service after Friday's close, on a plan with everything."""
    market.to(CLOSED)
    return market


@pytest.fixture
def starter(link: Link) -> Iterator[Market]:
    """The service on a plan without quotes and trades, 15 minutes late."""
    with open_market(link, STARTER) as found:
        yield found


@pytest.fixture
def free(link: Link) -> Iterator[Market]:
    """The service on the free plan: bars alone, five calls a minute, nothing of the present day."""
    with open_market(link, FREE) as found:
        yield found
