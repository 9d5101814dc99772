"""Fixtures of the service on a real store."""

import pytest

from tests.busy import MARKET, NAMES, ask
from tests.world import World


@pytest.fixture
def busy(world: World) -> World:
    """A world that has seen many tickers asked for, and the whole market once."""
    world.upstream.listed = NAMES
    key = world.key()
    for name in NAMES[:300]:
        ask(world, key, name)
        world.later(0.2)
    assert MARKET in world.upstream.calls
    return world
