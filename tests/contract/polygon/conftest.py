"""The upstreams that the client is held against: the sandbox market in a process of its own, one for each plan."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from dekr.polygon.client import PolygonClient
from dekr.polygon.connect import connect
from tests.fakes.polygon_transport import KEY, NOW_US, FakeCall
from tests.patience import HANG_S, always, unhurried
from tests.sandbox_program import sandbox_program


@dataclass
class Upstream:
    """A client and the sandbox to which it is connected."""

    client: PolygonClient
    url: str = ""

    def call(self, seconds: float = 20.0) -> FakeCall:
        """Return a permitted call with this many seconds left."""
        return FakeCall(always(seconds))

    def fault(self, kind: str, **fields: object) -> None:
        """Order a fault of the sandbox."""
        httpx.post(f"{self.url}/_control/faults", json={"kind": kind, **fields}, timeout=HANG_S).raise_for_status()

    def calls(self) -> int:
        """Return the number of calls that the sandbox has received."""
        found: int = httpx.get(f"{self.url}/_control/calls", timeout=HANG_S).json()["total"]
        return found


@contextmanager
def connected(url: str, key: str) -> Iterator[PolygonClient]:
    """The client, which waits for a sandbox that is only slow; closed at the end."""
    client = unhurried(connect(url, lambda: key, lambda: NOW_US))
    with client.transport.client:
        yield client


@contextmanager
def hurried(url: str, key: str) -> Iterator[PolygonClient]:
    """The client as production makes it, with its time-outs, for a sandbox that hangs; closed at the end."""
    client = connect(url, lambda: key, lambda: NOW_US)
    with client.transport.client:
        yield client


@contextmanager
def sandbox(plan: str) -> Iterator[Upstream]:
    """The sandbox with this plan, in the middle of a regular session."""
    with sandbox_program("--plan", plan, "--key", KEY) as (_, url):
        httpx.post(f"{url}/_control/clock", json={"now": "2026-11-20T15:00:00Z"}, timeout=HANG_S).raise_for_status()
        with connected(url, KEY) as client:
            yield Upstream(client, url)


@pytest.fixture(scope="session")
def _free() -> Iterator[Upstream]:
    with sandbox("free") as made:
        yield made


@pytest.fixture(scope="session")
def _starter() -> Iterator[Upstream]:
    with sandbox("starter") as made:
        yield made


@pytest.fixture(scope="session")
def _advanced() -> Iterator[Upstream]:
    with sandbox("advanced") as made:
        yield made


def _fresh(upstream: Upstream) -> Upstream:
    """No faults, and a minute later than the last test, so that the free plan's five calls are there again."""
    httpx.delete(f"{upstream.url}/_control/faults", timeout=HANG_S).raise_for_status()
    httpx.post(f"{upstream.url}/_control/clock", json={"advance_s": 61}, timeout=HANG_S).raise_for_status()
    return upstream


@pytest.fixture
def free(_free: Upstream) -> Upstream:
    return _fresh(_free)


@pytest.fixture
def starter(_starter: Upstream) -> Upstream:
    return _fresh(_starter)


@pytest.fixture
def advanced(_advanced: Upstream) -> Upstream:
    return _fresh(_advanced)
