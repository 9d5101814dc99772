"""Fixtures that several folders share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from dekr.store.link import Link
from tests.markets import Market
from tests.markets import market as open_market
from tests.redis_servers import RedisServer, redis_single
from tests.still_link import scripts, still_link
from tests.world import World

# How long an example takes says nothing about whether it holds.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real Redis for the whole run. It knows all scripts, as one that has been used does."""
    with redis_single() as server:
        with server.client() as client:
            for script in scripts():
                client.script_load(script.source)
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """A real Redis, empty."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server


@pytest.fixture
def link(redis: RedisServer) -> Iterator[Link]:
    """A link to the empty Redis. Its clock stands still."""
    made = still_link(redis.url)
    yield made
    made.close()


@pytest.fixture
def world(link: Link) -> World:
    """The service on the empty Redis, in the middle of a regular session."""
    made = World(link)
    made.to("2026-11-20T15:00:00Z")
    return made


@pytest.fixture
def market(link: Link) -> Iterator[Market]:
    """The service on a simulated market in the middle of a regular session, on a plan with everything."""
    with open_market(link) as found:
        yield found
