"""The service in one process on a simulated market: real handlers and store, and the sandbox Polygon as its upstream."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

from dekr.polygon.connect import connect
from dekr.store.link import Link
from local.sandbox.plans import ADVANCED, Plan
from local.sandbox.server import serving
from local.sandbox.state import KEY, Sandbox
from tests.world import World

FRIDAY = "2026-11-20T15:00:00Z"
"""In the middle of a regular session."""


@dataclass
class Market:
    """``world``: the service; ``sandbox``: its upstream; both on one clock."""

    world: World
    sandbox: Sandbox
    upstream: httpx.Client

    def to(self, moment: str) -> None:
        """Drive both clocks to a moment (RFC 3339)."""
        self.world.to(moment)
        self.sandbox.clock.set(datetime.fromisoformat(moment))

    def later(self, seconds: float) -> None:
        """Drive both clocks forward."""
        self.world.later(seconds)
        self.sandbox.clock.advance(seconds)

    @property
    def calls(self) -> int:
        """How many calls the upstream has seen."""
        return self.sandbox.calls.total()


@contextmanager
def market(link: Link, plan: Plan = ADVANCED) -> Iterator[Market]:
    """The service on a market of its own, in the middle of a regular session."""
    sandbox = Sandbox(plan)
    with serving(sandbox) as url, httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as upstream:
        made = []

        def client(now_us: object) -> object:
            made.append(connect(url, lambda: KEY, now_us))  # type: ignore[arg-type] # the clock
            return made[-1]

        found = Market(World(link, client=client), sandbox, upstream)  # type: ignore[arg-type] # the client's maker
        found.to(FRIDAY)
        try:
            yield found
        finally:
            for each in made:
                each.transport.client.close()
