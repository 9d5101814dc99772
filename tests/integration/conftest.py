"""Fixtures of the service on a real store."""

import pytest

from tests.busy import MARKET, NAMES, request_quotes
from tests.world import World


@pytest.fixture
def busy(world: World) -> World:
    """A service whose readers have requested many tickers, and which has fetched the whole market once."""
    world.upstream.listed = NAMES
    key = world.key()
    for name in NAMES[:300]:
        request_quotes(world, key, name)
        world.later(0.2)
    assert MARKET in world.upstream.calls
    return world
