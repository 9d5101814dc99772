"""The service on the simulated market."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from dekr.store.link import Link
from tests.markets import Market
from tests.markets import market as market_on
from tests.redis_servers import redis_single


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    """The service on one simulated market for the whole module: each request finds what earlier ones cached."""
    with redis_single() as server, closing(Link.open(server.url)) as link, market_on(link) as found:
        yield found
