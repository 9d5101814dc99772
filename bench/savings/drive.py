"""The real services on a real Redis, driven through a trace: four sandboxes in turn, one clock, the counting upstream.

Requests are served one after the other. One that arrives, by the trace, while a call is under way is served when that has
ended. Where it is a hit then and would not have been one on arrival, it counts as delayed. Users are so many that no tier's
limit is met. Each hundredth request for a quote also goes through the Lambda handler, which must answer the same.

Redis lets entries and leases expire on the machine's clock, which is slower than the driven one: nothing expires in a run.
"""

import contextlib
import json
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from bench.savings.checker import MICRO, Answered, allowed_us
from bench.savings.clock import Clock, DrivenStore
from bench.savings.newsroom import newsroom
from bench.savings.trace import MINUTES, OPEN_MINUTE, SERIES, START_US, Kind, Trace, day
from bench.savings.upstream import CountingUpstream, Counts, true_until_us
from dekr.access.principal import Principal, Role
from dekr.market.bars.model import Range
from dekr.market.bars.segments import Series, Timespan
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.warming.warmer import Task
from dekr.polygon.client import PolygonClient
from dekr.polygon.transport import Transport
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from local.sandbox.universe import tickers
from tests.fakes.directory import FakeDirectory
from tests.patience import always
from tests.redis_servers import redis_single
from tests.world import World

SANDBOXES: Final = 4
DEADLINE_S: Final = 25.0
BARS: Final = 100
MINUTE_US: Final = 60 * MICRO
DAY_US: Final = 24 * 60 * MINUTE_US
CALENDAR_DAYS: Final = (1, 2, 3, 4, 7)
"""The trading days of the last week, in calendar days before the day of the trace (which is a Friday)."""

REQUESTS_A_USER: Final = 200
FEWEST_USERS: Final = 20
HANDLER_EACH: Final = 100
HANDLER_USERS: Final = 40
PER_MINUTE: Final = 6_000
"""The calls a minute of the plan: paid plans recommend to stay under 100 a second."""

AUDIT_MINUTES: Final = range(1, 6)
"""Minutes after an opening at which the warmer looks at what became of the preloaded quotes."""

SETTLED_MINUTES: Final = (6, 11, 16)
"""Minutes after the pre-market opened at which the warmer adds the settled bars of the trading day before."""

NEWS: Final = -1
"""Stands for news where a row has the number of a series of bars."""

FEED_US: Final = 5 * MINUTE_US

NEWEST: Final = {"order": "desc", "sort": "published_utc", "limit": "10"}


@dataclass
class Day:
    """The result of a driven day. ``differing``: answers of the handler that were not the service's."""

    history: list[Answered] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    delayed_hits: int = 0
    differing: int = 0
    warmer_calls: int = 0
    counts: Counts = field(default_factory=Counts)


def drive(trace: Trace, before: Sequence[Trace], *, market: bool = True) -> Day:
    """Drive a day. The days ``before`` leave their demand and the bars that they fetched; their calls do not count.
    ``market``: whether the upstream's plan has the snapshot of the whole market.
    """
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        clock = Clock(START_US - CALENDAR_DAYS[-1] * DAY_US)
        stores = [DrivenStore(Link.open(server.url), clock) for _ in range(SANDBOXES)]
        driven = _Driven(stores, clock, market=market)
        try:
            for number, earlier in enumerate(before):
                if number and _has_bars(earlier):
                    driven.warm((*_nights(earlier), *_mornings(earlier)))
                driven.remember(earlier, before[number + 1 :])
            return driven.run(trace, nights=bool(before) and _has_bars(trace))
        finally:
            for store in stores:
                store.close()


class _Driven:
    def __init__(self, stores: Sequence[DrivenStore], clock: Clock, *, market: bool) -> None:
        self.clock = clock
        self.day = Day()
        self.upstream = CountingUpstream(clock, market=market)
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

    def remember(self, earlier: Trace, later: Sequence[Trace]) -> None:
        """Count the requests of an earlier day, and serve only those that leave something in the cache: of bars the last request
        for each series that no ``later`` day has; of news the last for each ticker that no ``later`` day has, and the first in each
        five minutes, which keeps the feed going.
        """
        demand, store = self.worlds[0].services.demand, self.worlds[0].store
        self.users = max(FEWEST_USERS, len(earlier) // REQUESTS_A_USER)
        last = {key: -1 for other in later for key in _kept_of(other)}
        last = _kept_of(earlier) | last
        fed_us = 0
        for index, (at_us, rank, tier, kind, series, _) in enumerate(_rows(earlier)):
            self.clock.to(at_us)
            if kind == Kind.BARS:
                if last[rank, series] == index:
                    self._serve(index, Tier(tier), Kind.BARS, [self.names[rank]], series)
            elif kind == Kind.NEWS:
                if last[rank, NEWS] == index or at_us - fed_us >= FEED_US:
                    fed_us = at_us
                    self._serve(index, Tier(tier), Kind.NEWS, [self.names[rank]], series)
            else:
                demand.count_served(self.names[rank], 0)
                if commands := demand.due():
                    store.run(*commands)

    def warm(self, runs: Iterable[tuple[int, Task]]) -> int:
        """The warmer's runs, each when it is due; returns their calls."""
        warmer = self.worlds[0].services.warmer
        calls = 0
        for due_us, task in runs:
            self.clock.to(due_us)
            calls += warmer.run(task, always(DEADLINE_S)).calls
        return calls

    def run(self, trace: Trace, *, nights: bool) -> Day:
        """Serve the trace; the warmer runs on its schedule, which begins the evening before where there are ``nights``."""
        self.upstream.counts = Counts()
        self.day = Day(counts=self.upstream.counts)
        self.users = max(FEWEST_USERS, len(trace) // REQUESTS_A_USER)
        if nights:
            self.day.warmer_calls += self.warm(_nights(trace))
        runs = deque(sorted((*_schedule(), *(_mornings(trace) if nights else ()))))
        for index, (at_us, rank, tier, kind, series, size) in enumerate(_rows(trace)):
            while runs and runs[0][0] <= at_us:
                self.day.warmer_calls += self.warm([runs.popleft()])
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
        """Whether the quotes that had arrived by then were too old for this tier."""
        oldest_us = min(self.upstream.quoted_before(name, at_us) for name in names)
        return at_us - oldest_us >= allowed_us(Answered(at_us, tier, "real_time", oldest_us, stale=False), START_US)

    def _serve(self, index: int, tier: Tier, kind: Kind, names: list[str], series: int) -> Outcome:
        world = self.worlds[index % SANDBOXES]
        services = world.services
        principal = Principal(f"user-{tier}-{index % self.users}", tier, Role.USER, "")
        charge = services.limiter.rate_charge(principal, kind.name.lower(), data=len(names))
        context = ReadContext(charge, tier.policy, always(DEADLINE_S))
        data = "real_time"
        match kind:
            case Kind.QUOTE:
                text = services.quotes.get(context, Ticker(names[0]))
                handed_out = [json.loads(text)["bid"]]
                if index % HANDLER_EACH == 0:
                    self._compare(world, index, tier, names[0], text)
            case Kind.BATCH:
                found = services.batches.get(context, names)
                handed_out = [json.loads(quote)["bid"] for quote in found.values() if isinstance(quote, str)]
                assert len(handed_out) == len(names), found
            case Kind.BARS:
                timespan, multiplier = SERIES[series]
                selected = Series(names[0], multiplier, Timespan(timespan), adjusted=True)
                rows = services.bars.newest(context, selected, Range(0, 1 << 52, BARS))
                handed_out = [true_until_us(timespan, multiplier, rows[-1])]
                data = "historical" if timespan == "day" else "real_time"
            case Kind.NEWS:
                sent = services.news.get(context, Ticker(names[0]), {**NEWEST, "ticker": names[0]})
                shown = [int(article["id"]) for article in sent["results"]]
                handed_out = [newsroom().true_until_us(names[0], shown, self.clock.at_us)]
                data = "news"
        now_us, stale = self.clock.at_us, context.outcome is Outcome.STALE
        self.day.history += [Answered(now_us, int(tier), data, at_us, stale) for at_us in handed_out]
        return context.outcome

    def _compare(self, world: World, index: int, tier: Tier, name: str, text: str) -> None:
        key = self.keys[tier, index // HANDLER_EACH % HANDLER_USERS]
        answer = world.get(f"/quote/{name}", key)
        self.day.differing += (answer.status, answer.text) != (200, text)

    def _client(self, now_us: Any) -> PolygonClient:  # noqa: ANN401 - the service's clock
        http = httpx.Client(base_url="http://upstream.invalid", transport=self.upstream)
        # The client's clock is the driven one: an upstream call takes its modelled time, however long this machine takes for it.
        transport = Transport(http, lambda: "fake-upstream-key", lambda: self.clock.at_us / MICRO)
        return PolygonClient(transport, now_us, lambda: 0.0, lambda _: None)


def _rows(trace: Trace) -> Iterator[tuple[int, int, int, int, int, int]]:
    columns = (trace.at_us, trace.ranks, trace.tiers, trace.kinds, trace.series, trace.sizes)
    return zip(*(column.tolist() for column in columns), strict=True)


def _has_bars(trace: Trace) -> bool:
    return bool((trace.kinds == Kind.BARS).any())


def _kept_of(trace: Trace) -> dict[tuple[int, int], int]:
    """The last request for each series of bars, and for each ticker's news: (rank, series or NEWS) and its index."""
    return {
        (rank, series if kind == Kind.BARS else NEWS): index
        for index, (_, rank, _, kind, series, _) in enumerate(_rows(trace))
        if kind in (Kind.BARS, Kind.NEWS)
    }


def _nights(trace: Trace) -> Iterator[tuple[int, Task]]:
    """The warmer's runs on the evening of the trading day before a trace's, as template.yaml has them. They load bars, so days
    of quotes alone have none.
    """
    morning_us = _morning_us(trace)
    days = 3 if datetime.fromtimestamp(morning_us / MICRO, UTC).weekday() == 0 else 1
    evening_us = morning_us - days * DAY_US + MINUTES * MINUTE_US
    return ((evening_us + minute * MINUTE_US, Task.NIGHT) for minute in range(0, 4 * 60, 5))


def _mornings(trace: Trace) -> Iterator[tuple[int, Task]]:
    """The warmer's runs in a trace's pre-market, when the bars of the trading day before are settled, as template.yaml has them."""
    return ((_morning_us(trace) + minute * MINUTE_US, Task.NIGHT) for minute in SETTLED_MINUTES)


def _morning_us(trace: Trace) -> int:
    """04:00 in New York of a trace's day."""
    return int(trace.at_us[0]) - (int(trace.at_us[0]) - START_US) % DAY_US


def _schedule() -> Iterator[tuple[int, Task]]:
    """The warmer's runs before and during the day, as template.yaml has them."""
    for opens_at in (0, OPEN_MINUTE):
        opening_us = START_US + opens_at * MINUTE_US
        yield opening_us - MINUTE_US, Task.OPEN
        for minute in AUDIT_MINUTES:
            yield opening_us + minute * MINUTE_US, Task.AUDIT


def days_before(seed: int, requests: int, **options: Any) -> list[Trace]:  # noqa: ANN401 - what the day itself takes
    """The trading days before a day, each with draws of its own: the last one, or, where there are bars, which the cache keeps for
    a week, all of the last week.
    """
    back = CALENDAR_DAYS if options.get("mixed") else CALENDAR_DAYS[:1]
    return [
        day(seed + days * 1_000_000, requests, start_us=START_US - days * DAY_US, **options) for days in reversed(back)
    ]
