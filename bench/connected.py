"""The service for a benchmark, connected to a real Redis and a sandbox Polygon. Its connections are closed at the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from dekr.polygon.connect import connect
from dekr.store.link import Link
from local.sandbox.state import KEY as SANDBOX_KEY
from tests.patience import patient, unhurried
from tests.world import World

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient


@contextmanager
def patient_link(url: str) -> Iterator[Link]:
    """Open a link that waits for a reply for as long as a busy machine may take. It is closed at the end of the context.

    A busy machine must not look like a store that is down: that would fail the benchmark, or change what it counts.
    """
    with closing(patient(Link.open(url))) as link:
        yield link


@contextmanager
def connected(url: str, upstream: str) -> Iterator[World]:
    """Connect the service to the Redis at ``url`` and the Polygon at ``upstream`` while the context lasts."""
    with ExitStack() as stack:

        def client(now_us: Callable[[], int]) -> "PolygonClient":
            polygon_client = unhurried(connect(upstream, lambda: SANDBOX_KEY, now_us))
            stack.callback(polygon_client.transport.client.close)
            return polygon_client

        yield World(stack.enter_context(patient_link(url)), client=client)
