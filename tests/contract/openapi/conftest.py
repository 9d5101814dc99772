"""The service on the simulated market."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.markets import Market
from tests.markets import market as market_on
from tests.redis_servers import redis_single
from tests.still_link import still_link


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    """The service on one simulated market for the whole module: each request finds what earlier ones cached."""
    with redis_single() as server, closing(still_link(server.url)) as link, market_on(link) as found:
        found.begin()
        yield found
