"""The real services on a real Redis, driven through a trace: four sandboxes in turn, one clock, the counting upstream.

Requests are served one after the other. One that arrives, by the trace, while a fetch is under way is served when that has
ended; if it is a hit then, it counts as delayed. Users are so many that no tier's limit is met. Each hundredth request for a
quote also goes through the Lambda handler, which must answer the same.
"""

import contextlib
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bench.savings.checker import Answered
from bench.savings.trace import SERIES, START_US, Kind, Trace, day
from bench.savings.upstream import CountingUpstream
from dekr.access.limits import Toll
from dekr.access.principal import Principal, Role
from dekr.deadline import Deadline
from dekr.market.ask import Ask, Outcome
from dekr.market.bars import Range
from dekr.market.questions import news
from dekr.market.segments import Series, Timespan
from dekr.market.warmer import Task
from dekr.polygon.client import PolygonClient
from dekr.polygon.transport import Transport
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from dekr.times import rfc3339
from local.sandbox.universe import tickers
from tests.redis_servers import redis_single
from tests.world import World

SANDBOXES: Final = 4
DEADLINE_S: Final = 25.0
BARS: Final = 100
MINUTE_US: Final = 60_000_000
REQUESTS_A_USER: Final = 100
HANDLER_EACH: Final = 100
PER_MINUTE: Final = 6_000
"""The calls a minute of the plan: paid plans ask to stay under 100 a second."""

NEWEST: Final = {"order": "desc", "sort": "published_utc", "limit": "10"}


@dataclass
class Clock:
    """The clock of all sandboxes: Redis's own and an offset."""

    links: list[Link]

    def now_us(self) -> int:
        """The time."""
        return time.time_ns() // 1000 + self.links[0].clock_offset_us

    def to(self, at_us: int) -> None:
        """Go to a moment."""
        self.wait(at_us - self.now_us())

    def wait(self, us: int) -> None:
        """Go on by so much."""
        offset = self.links[0].clock_offset_us + us
        for link in self.links:
            link.clock_offset_us = offset


@dataclass
class Day:
    """What a driven day gave."""

    history: list[Answered] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    delayed_hits: int = 0
    warmer_calls: int = 0
    upstream: CountingUpstream | None = None


def drive(trace: Trace, yesterday: Trace | None) -> Day:
    """The day, with the popularity of ``yesterday`` remembered."""
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        links = [Link.open(server.url) for _ in range(SANDBOXES)]
        driven = _Driven(links)
        try:
            if yesterday is not None:
                driven.remember(yesterday)
            return driven.run(trace)
        finally:
            for link in links:
                link.close()


class _Driven:
    def __init__(self, links: list[Link]) -> None:
        self.clock = Clock(links)
        self.day = Day()
        self.upstream = self.day.upstream = CountingUpstream(self.clock.now_us, self.clock.wait)
        self.worlds = [World(link, per_minute=PER_MINUTE, client=self._client) for link in links]
        self.names = tickers()
        self.key = ""

    def remember(self, yesterday: Trace) -> None:
        """Note what was asked for, as serving it would; nothing else is left of that day."""
        demand = self.worlds[0].services.demand
        store = self.worlds[0].store
        for at_us, rank, tier in zip(
            yesterday.at_us.tolist(), yesterday.ranks.tolist(), yesterday.tiers.tolist(), strict=True
        ):
            self.clock.to(at_us)
            demand.note(self.names[rank], 0, Tier(tier).policy.real_time_s)
            if commands := demand.due():
                store.run(*commands)

    def run(self, trace: Trace) -> Day:
        """Serve the trace; the warmer runs on its schedule."""
        mixed = bool(trace.kinds.any())
        if mixed:
            self._warm(START_US - 4 * 60 * MINUTE_US, Task.NIGHT)
        self._warm(START_US - MINUTE_US, Task.OPEN)
        next_us = START_US
        columns = (trace.at_us, trace.ranks, trace.tiers, trace.kinds, trace.series, trace.sizes)
        for index, (at_us, rank, tier, kind, series, size) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            while next_us <= at_us:
                opens = next_us == START_US + 329 * MINUTE_US
                self._warm(next_us, Task.OPEN if opens else Task.QUOTES)
                next_us += MINUTE_US
            waited = self.clock.now_us() > at_us
            self.clock.to(max(at_us, self.clock.now_us()))
            world = self.worlds[index % SANDBOXES]
            names = [self.names[rank]]
            if kind == Kind.BATCH:
                names += [self.names[other] for other in trace.ranks_along[index, : size - 1].tolist()]
            outcome = self._serve(world, index, Tier(tier), Kind(kind), names, series)
            self.day.outcomes[outcome] += 1
            self.day.delayed_hits += waited and outcome == Outcome.HIT
        return self.day

    def _serve(self, world: World, index: int, tier: Tier, kind: Kind, names: list[str], series: int) -> str:
        services = world.services
        principal = Principal(f"user-{tier}-{index // REQUESTS_A_USER}", tier, Role.USER, "")
        ask = Ask(_toll(world, principal, kind, len(names)), tier.policy, Deadline.after(DEADLINE_S))
        asked_us = self.clock.now_us()
        data = "real_time"
        match kind:
            case Kind.QUOTE:
                text = services.quotes.get(ask, Ticker(names[0]))
                handed_out = [json.loads(text)["bid"]]
                if index % HANDLER_EACH == 0:
                    self._same_by_handler(world, tier, names[0], text)
            case Kind.BATCH:
                found = services.batches.get(ask, names)
                handed_out = [json.loads(quote)["bid"] for quote in found.values() if isinstance(quote, str)]
                assert len(handed_out) == len(found), found
            case Kind.BARS:
                timespan, multiplier, _ = SERIES[series]
                asked = Series(names[0], multiplier, Timespan(timespan), adjusted=True)
                rows = services.bars.get(ask, asked, Range(0, 1 << 52, BARS))
                handed_out = [rows[-1][4]]
                data = "historical" if timespan == "day" else "real_time"
            case Kind.NEWS:
                sent = services.answers.get(ask, news(Ticker(names[0]), {**NEWEST, "ticker": names[0]}))
                handed_out = [int(sent["results"][0]["title"])]
                data = "news"
        # A hit is as old as when it was asked for; whatever waited for a fetch, as when it was answered.
        at_us = asked_us if ask.outcome is Outcome.HIT else self.clock.now_us()
        stale = ask.outcome is Outcome.STALE
        self.day.history += [Answered(at_us, int(tier), data, at, stale) for at in handed_out]
        return ask.outcome

    def _same_by_handler(self, world: World, tier: Tier, name: str, text: str) -> None:
        key = world.directory.issue(f"by-handler-{tier}-{len(self.day.history)}", int(tier), Role.USER).text
        answer = world.get(f"/quote/{name}", key)
        assert (answer.status, answer.text) == (200, text), answer

    def _warm(self, at_us: int, task: Task) -> None:
        self.clock.to(max(at_us, self.clock.now_us()))
        self.day.warmer_calls += self.worlds[0].services.warmer.run(task, Deadline.after(DEADLINE_S)).calls

    def _client(self, now_us: Any) -> PolygonClient:  # noqa: ANN401 - the service's clock
        http = httpx.Client(base_url="http://upstream.invalid", transport=self.upstream)
        return PolygonClient(Transport(http, lambda: "fake-upstream-key"), now_us, lambda: 0.0, lambda _: None)


def _toll(world: World, principal: Principal, kind: Kind, data: int) -> Toll:
    return world.services.limiter.toll(principal, kind.name.lower(), cost=1, data=data)


def yesterday_of(seed: int, requests: int, **how: Any) -> Trace:  # noqa: ANN401 - what the day itself takes
    """The day before, with draws of its own."""
    return day(seed + 1_000_000, requests, start_us=START_US - 24 * 60 * MINUTE_US, **how)


def moment(us: int) -> str:
    """A moment as people read it."""
    return rfc3339(us * 1000)
