"""The service in one process on a simulated market: real handlers and store, and the sandbox Polygon as its upstream."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

from dekr.polygon.client import PolygonClient
from dekr.polygon.connect import connect
from dekr.store.link import Link
from local.sandbox.clock import Clock
from local.sandbox.plans import ADVANCED, Plan
from local.sandbox.server import serving
from local.sandbox.state import KEY, Sandbox
from tests.patience import HANG_S, unhurried
from tests.world import World

FRIDAY = "2026-11-20T15:00:00Z"
"""In the middle of a regular session."""


@dataclass
class Market:
    """``world``: the service; ``sandbox``: its upstream; both on one clock. ``upstream``: a client of the latter past the service.
    ``before``: runs before each call of the service is sent.
    """

    world: World
    sandbox: Sandbox
    upstream: httpx.Client
    before: Callable[[httpx.Request], None] = lambda _: None

    def to(self, moment: str) -> None:
        """Drive both clocks to a moment (RFC 3339)."""
        self.world.to(moment)
        self.sandbox.clock.set(datetime.fromisoformat(moment))

    def later(self, seconds: float) -> None:
        """Drive both clocks forward."""
        self.world.later(seconds)
        self.sandbox.clock.advance(seconds)

    def begin(self) -> None:
        """Have the upstream make the prices of the present day, which takes it seconds for the whole market."""
        counted = self.sandbox.calls.copy()
        self.upstream.get("/v2/snapshot/locale/us/markets/stocks/tickers").raise_for_status()
        self.sandbox.calls.clear()
        self.sandbox.calls.update(counted)

    @property
    def calls(self) -> int:
        """The number of calls that the upstream has received."""
        return self.sandbox.calls.total()


@contextmanager
def market(link: Link, plan: Plan = ADVANCED) -> Iterator[Market]:
    """The service on a market of its own, in the middle of a regular session. The market's clock stands still, too."""
    sandbox = Sandbox(plan, clock=Clock(lambda: 0))
    headers = {"Authorization": f"Bearer {KEY}"}
    with serving(sandbox) as url, httpx.Client(base_url=url, headers=headers, timeout=HANG_S) as upstream:
        made = list[PolygonClient]()

        def before(request: httpx.Request) -> None:
            found.before(request)

        def client(now_us: Callable[[], int]) -> PolygonClient:
            made.append(unhurried(connect(url, lambda: KEY, now_us)))
            made[-1].transport.client.event_hooks["request"].append(before)
            return made[-1]

        found = Market(World(link, client=client), sandbox, upstream)
        found.to(FRIDAY)
        try:
            yield found
        finally:
            for each in made:
                each.transport.client.close()
