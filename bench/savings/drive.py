"""The real services on a real Redis, driven through a trace: four sandboxes in turn, one clock, the counting upstream.

Requests are served one after the other. One that arrives, by the trace, while a call is under way is served when that has
ended. Where it is a hit then and would not have been one on arrival, it counts as delayed. Users are so many that no tier's
limit is met. Each hundredth request for a quote also goes through the Lambda handler, which must answer the same.

Redis lets entries and leases expire on the machine's clock, which is slower than the driven one: nothing expires in a run.
"""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bench.savings.checker import MICRO, Answered, allowed_us
from bench.savings.clock import Clock, DrivenStore
from bench.savings.trace import MINUTES, OPEN_MINUTE, SERIES, START_US, Kind, Trace, day
from bench.savings.upstream import CountingUpstream, Counts
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
from local.sandbox.universe import tickers
from tests.fakes.directory import FakeDirectory
from tests.redis_servers import redis_single
from tests.world import World

SANDBOXES: Final = 4
DEADLINE_S: Final = 25.0
BARS: Final = 100
MINUTE_US: Final = 60 * MICRO
DAY_US: Final = 24 * 60 * MINUTE_US
REQUESTS_A_USER: Final = 200
FEWEST_USERS: Final = 20
HANDLER_EACH: Final = 100
HANDLER_USERS: Final = 40
PER_MINUTE: Final = 6_000
"""The calls a minute of the plan: paid plans ask to stay under 100 a second."""

NEWEST: Final = {"order": "desc", "sort": "published_utc", "limit": "10"}


@dataclass
class Day:
    """What a driven day gave. ``differing``: answers of the handler that were not the service's."""

    history: list[Answered] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    delayed_hits: int = 0
    differing: int = 0
    warmer_calls: int = 0
    counts: Counts = field(default_factory=Counts)


def drive(trace: Trace, yesterday: Trace | None) -> Day:
    """The day. Of ``yesterday`` is left what it was asked for, and the bars that it fetched; its calls are not counted."""
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        clock = Clock(START_US - DAY_US)
        stores = [DrivenStore(Link.open(server.url), clock) for _ in range(SANDBOXES)]
        driven = _Driven(stores, clock)
        try:
            if yesterday is not None:
                driven.remember(yesterday)
            return driven.run(trace, nights=yesterday is not None and bool(trace.kinds.any()))
        finally:
            for store in stores:
                store.close()


class _Driven:
    def __init__(self, stores: Sequence[DrivenStore], clock: Clock) -> None:
        self.clock = clock
        self.day = Day()
        self.upstream = CountingUpstream(clock)
        directory = FakeDirectory()
        self.worlds = [
            World(store, directory=directory, per_minute=PER_MINUTE, client=self._client) for store in stores
        ]
        self.keys = {
            (tier, number): directory.issue(f"by-handler-{tier}-{number}", tier).text
            for tier in range(1, 8)
            for number in range(HANDLER_USERS)
        }
        self.names = tickers()
        self.users = FEWEST_USERS

    def remember(self, yesterday: Trace) -> None:
        """Note what was asked for, as serving it does, and serve what was asked for of bars."""
        demand, store = self.worlds[0].services.demand, self.worlds[0].store
        self.users = max(FEWEST_USERS, len(yesterday) // REQUESTS_A_USER)
        for index, (at_us, rank, tier, kind, series, _) in enumerate(_rows(yesterday)):
            self.clock.to(at_us)
            if kind == Kind.BARS:
                self._serve(index, Tier(tier), Kind.BARS, [self.names[rank]], series)
            elif kind != Kind.NEWS:
                demand.note(self.names[rank], 0, Tier(tier).policy.real_time_s)
                if commands := demand.due():
                    store.run(*commands)

    def run(self, trace: Trace, *, nights: bool) -> Day:
        """Serve the trace; the warmer runs on its schedule, which begins the evening before where there are ``nights``."""
        self.upstream.counts = Counts()
        self.day = Day(counts=self.upstream.counts)
        self.users = max(FEWEST_USERS, len(trace) // REQUESTS_A_USER)
        runs = _schedule(nights=nights)
        due_us, task = next(runs)
        for index, (at_us, rank, tier, kind, series, size) in enumerate(_rows(trace)):
            while due_us <= at_us:
                self.clock.to(due_us)
                report = self.worlds[0].services.warmer.run(task, Deadline.after(DEADLINE_S))
                self.day.warmer_calls += report.calls
                due_us, task = next(runs, (at_us + DAY_US, task))
            self.clock.to(at_us)
            names = [self.names[rank]]
            if kind == Kind.BATCH:
                also = trace.ranks_along[index, : size - 1].tolist()
                names = list(dict.fromkeys([*names, *(self.names[other] for other in also)]))
            outcome = self._serve(index, Tier(tier), Kind(kind), names, series)
            self.day.outcomes[outcome] += 1
            if outcome == Outcome.HIT and self.clock.at_us > at_us and kind in (Kind.QUOTE, Kind.BATCH):
                self.day.delayed_hits += self._delayed(names, tier, at_us)
        return self.day

    def _delayed(self, names: Sequence[str], tier: int, at_us: int) -> bool:
        """Whether what had arrived by then would not have done."""
        oldest_us = min(self.upstream.quoted_before(name, at_us) for name in names)
        return at_us - oldest_us >= allowed_us(Answered(at_us, tier, "real_time", oldest_us, stale=False), START_US)

    def _serve(self, index: int, tier: Tier, kind: Kind, names: list[str], series: int) -> Outcome:
        world = self.worlds[index % SANDBOXES]
        services = world.services
        principal = Principal(f"user-{tier}-{index % self.users}", tier, Role.USER, "")
        toll = services.limiter.toll(principal, kind.name.lower(), data=len(names))
        ask = Ask(toll, tier.policy, Deadline.after(DEADLINE_S))
        data = "real_time"
        match kind:
            case Kind.QUOTE:
                text = services.quotes.get(ask, Ticker(names[0]))
                handed_out = [json.loads(text)["bid"]]
                if index % HANDLER_EACH == 0:
                    self._compare(world, index, tier, names[0], text)
            case Kind.BATCH:
                found = services.batches.get(ask, names)
                handed_out = [json.loads(quote)["bid"] for quote in found.values() if isinstance(quote, str)]
                assert len(handed_out) == len(names), found
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
        now_us, stale = self.clock.at_us, ask.outcome is Outcome.STALE
        self.day.history += [Answered(now_us, int(tier), data, at_us, stale) for at_us in handed_out]
        return ask.outcome

    def _compare(self, world: World, index: int, tier: Tier, name: str, text: str) -> None:
        key = self.keys[tier, index // HANDLER_EACH % HANDLER_USERS]
        answer = world.get(f"/quote/{name}", key)
        self.day.differing += (answer.status, answer.text) != (200, text)

    def _client(self, now_us: Any) -> PolygonClient:  # noqa: ANN401 - the service's clock
        http = httpx.Client(base_url="http://upstream.invalid", transport=self.upstream)
        return PolygonClient(Transport(http, lambda: "fake-upstream-key"), now_us, lambda: 0.0, lambda _: None)


def _rows(trace: Trace) -> Iterator[tuple[int, int, int, int, int, int]]:
    columns = (trace.at_us, trace.ranks, trace.tiers, trace.kinds, trace.series, trace.sizes)
    return zip(*(column.tolist() for column in columns), strict=True)


def _schedule(*, nights: bool) -> Iterator[tuple[int, Task]]:
    """The warmer's runs, as template.yaml has them. What it does at night is for bars, so days of quotes alone have no nights."""
    if nights:
        evening_us = START_US - 8 * 60 * MINUTE_US
        yield from ((evening_us + minute * MINUTE_US, Task.NIGHT) for minute in range(0, 4 * 60, 5))
    yield START_US - MINUTE_US, Task.OPEN
    for minute in range(MINUTES):
        if minute == OPEN_MINUTE - 1:
            yield START_US + minute * MINUTE_US, Task.OPEN
        yield START_US + minute * MINUTE_US, Task.QUOTES


def yesterday_of(seed: int, requests: int, **how: Any) -> Trace:  # noqa: ANN401 - what the day itself takes
    """The day before, with draws of its own."""
    return day(seed + 1_000_000, requests, start_us=START_US - DAY_US, **how)
