"""Fixtures: a sandbox market behind a real socket for each plan, and the vendor's own client pointed at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from massive import RESTClient

from local.sandbox.plans import ADVANCED, FREE, STARTER, Meter, Plan
from local.sandbox.server import serving
from local.sandbox.state import KEY, Sandbox
from tests.patience import HANG_S

FRIDAY = "2026-11-20T15:00:30Z"
"""A moment in the middle of a regular session (10:00:30 in New York)."""

CLOSED = "2026-11-21T07:00:00Z"
"""A moment in the night after that session, when two answers show the same market whatever the time between them."""


@dataclass
class Running:
    """A sandbox that is being served. ``http`` sends its key with every request; ``official`` is the vendor's client."""

    sandbox: Sandbox
    http: httpx.Client
    official: RESTClient

    def at(self, moment: str) -> None:
        """Set the sandbox's clock to a moment in RFC 3339."""
        self.sandbox.clock.set(datetime.fromisoformat(moment))

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON body of an answer that must have status 200."""
        response = self.http.get(path, params=parameters or None)
        assert response.status_code == 200, response.text
        return response.json()

    def bars(self, ticker: str, window: str, first: str, last: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the bars of an answer that must be a single page. ``window`` is multiplier and timespan, as in
        "5/minute".
        """
        answer = self.get(f"/v2/aggs/ticker/{ticker}/range/{window}/{first}/{last}", **{"limit": 50_000, **parameters})
        found: list[dict[str, Any]] = answer.get("results", [])
        assert "next_url" not in answer
        return found

    def pages(self, path: str, **parameters: Any) -> list[list[dict[str, Any]]]:
        """Return the results of every page, one list each. The parameters are those of the first page."""
        answer = self.get(path, **parameters)
        found = [answer.get("results", [])]
        while "next_url" in answer:
            answer = self.get(answer["next_url"])
            found.append(answer["results"])
        return found

    def fault(self, kind: str, **fields: Any) -> None:
        """Inject a fault through the control routes."""
        self.http.post("/_control/faults", json={"kind": kind, **fields}).raise_for_status()

    def reset(self) -> None:
        """Restore the initial clock, faults, closures and counts."""
        self.at(FRIDAY)
        self.http.delete("/_control/faults")
        self.http.delete("/_control/market")
        self.http.delete("/_control/calls")


def run(plan: Plan) -> Iterator[Running]:
    sandbox = Sandbox(plan)
    with serving(sandbox) as url:
        official = RESTClient(KEY, base=url, retries=1, connect_timeout=HANG_S, read_timeout=HANG_S)
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=url, headers=headers, timeout=HANG_S) as http:
            yield Running(sandbox, http, official)
        official.client.clear()


@pytest.fixture(scope="session")
def _advanced() -> Iterator[Running]:
    yield from run(ADVANCED)


@pytest.fixture(scope="session")
def _starter() -> Iterator[Running]:
    yield from run(STARTER)


@pytest.fixture(scope="session")
def _free() -> Iterator[Running]:
    yield from run(FREE)


@pytest.fixture
def advanced(_advanced: Running) -> Running:
    _advanced.reset()
    return _advanced


@pytest.fixture
def starter(_starter: Running) -> Running:
    _starter.reset()
    return _starter


@pytest.fixture
def free(_free: Running) -> Running:
    """The free plan, with all of its five calls a minute still unused."""
    _free.sandbox.meter = Meter(_free.sandbox.plan.per_minute)
    _free.reset()
    return _free
