"""The vendor's two Python packages, and the two hosts that each must work with: the upstream itself and Dekr."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from redis import Redis

from local.sandbox.state import KEY as SANDBOX_KEY
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S, patient_url


@dataclass(frozen=True, slots=True)
class Host:
    """Who serves Polygon's routes: an address, and a key of one of its customers."""

    url: str
    key: str

    def follow(self, next_url: str) -> dict[str, Any]:
        """The page at a ``next_url``, requested as it stands."""
        answer = httpx.get(next_url, headers={"Authorization": f"Bearer {self.key}"}, trust_env=False, timeout=HANG_S)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page


@dataclass(frozen=True, slots=True)
class Package:
    """One of the vendor's Python packages: its REST client, and what it raises where an answer is not 200."""

    client: Callable[..., Any]
    bad_response: type[Exception]


type Connect = Callable[..., Any]
"""A host and the client's own options to a REST client."""


@pytest.fixture(scope="session", params=["massive", "polygon"])
def package(request: pytest.FixtureRequest) -> Package:
    """``massive``, and ``polygon`` of the package polygon-api-client."""
    client = importlib.import_module(request.param).RESTClient
    return Package(client, importlib.import_module(f"{request.param}.exceptions").BadResponse)


@pytest.fixture
def connect(package: Package) -> Iterator[Connect]:
    """Makes clients and closes them."""
    made = []

    def client(host: Host, **options: Any) -> Any:
        made.append(
            package.client(host.key, base=host.url, **{"connect_timeout": HANG_S, "read_timeout": HANG_S, **options})
        )
        return made[-1]

    yield client
    for each in made:
        each.client.clear()


@pytest.fixture(scope="session")
def upstream(cloud: LocalCloud) -> Host:
    """The sandbox Polygon that the local cloud calls."""
    return Host(cloud.said["sandbox"], SANDBOX_KEY)


@pytest.fixture(scope="session")
def dekr(cloud: LocalCloud) -> Host:
    """The local cloud, as a user of the highest tier has it."""
    return Host(cloud.said["http"], cloud.said["api_keys"]["7"])


@pytest.fixture(scope="session", params=["upstream", "dekr"])
def host(request: pytest.FixtureRequest) -> Host:
    """Each of them in turn: what holds at the one must hold at the other."""
    found: Host = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(connect: Connect, host: Host) -> Any:
    """The vendor's client at that host."""
    return connect(host)


@contextmanager
def fresh(cloud: LocalCloud) -> Iterator[None]:
    """A time in which limits may be spent and faults ordered: nothing of it is remembered after it, nor what was before."""
    with Redis.from_url(patient_url(cloud.said["redis"])) as redis:
        redis.flushall()
        try:
            yield
        finally:
            httpx.delete(f"{cloud.said['sandbox']}/_control/faults", trust_env=False, timeout=HANG_S).raise_for_status()
            redis.flushall()


@pytest.fixture
def clean_slate(cloud: LocalCloud) -> Iterator[None]:
    """For this test the cloud remembers nothing, and afterwards it has forgotten the test."""
    with fresh(cloud):
        yield


@pytest.fixture
def calls(upstream: Host) -> Callable[[], int]:
    """Counts the calls that the upstream has had."""

    def total() -> int:
        counted: int = httpx.get(f"{upstream.url}/_control/calls", trust_env=False, timeout=HANG_S).json()["total"]
        return counted

    return total
