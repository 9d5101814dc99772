"""The promise: nobody is handed data older than their tier allows.

Random traces of seven tiers over sessions, nights, a holiday and an early close, on three sandboxes that share one Redis
and lose leases in the middle of fetches. Every answer is held against the slow model in tests/oracle.py.
"""

import random
import time
from datetime import UTC, datetime, timedelta

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.store import Command, plain
from dekr.store.link import Link
from tests.fakes.directory import FakeDirectory
from tests.fakes.upstream import FakeUpstream
from tests.oracle import may_have
from tests.patience import patient
from tests.redis_servers import RedisServer
from tests.world import World

STEPS = 120
START = datetime(2026, 11, 24, 12, tzinfo=UTC)  # the week of Thanksgiving and of an early close
TICKERS = ("AAPL", "MSFT", "TSLA")


LEASES = ("market:quotes", *(f"{kind}quote:{ticker}" for kind in ("", "many:") for ticker in TICKERS))


class Town:
    """Three sandboxes, one Redis, one upstream, one driven clock; and the record of what was fetched when."""

    def __init__(self, url: str, seed: int) -> None:
        self.rng = random.Random(seed)
        self.links = [patient(Link.open(url)) for _ in range(3)]
        self.links[0].run(Command(("FLUSHALL",), ("",)))
        upstream, directory = FakeUpstream(listed=TICKERS), FakeDirectory()
        upstream.before = self._during
        self.worlds = [World(link, upstream, directory) for link in self.links]
        self.keys = {tier: self.worlds[0].key(tier, f"user{tier}") for tier in range(1, 8)}
        self.upstream = upstream
        self.fetched: dict[int, datetime] = {}
        self.answers = self.hits = 0
        self.driven = timedelta()
        self.busy: list[World] = []
        self.stamps: dict[str, bytes] = {}
        self.drive(START + timedelta(hours=self.rng.uniform(0, 24 * 7)))

    def now(self) -> datetime:
        return datetime.fromtimestamp((time.time_ns() // 1000 + self.links[0].clock_offset_us) / 1e6, UTC)

    def drive(self, moment: datetime) -> None:
        self.move(moment - self.now())

    def move(self, step: timedelta) -> None:
        self.driven += step
        for link in self.links:
            link.clock_offset_us += int(step.total_seconds() * 1e6)

    def read(self) -> None:
        tier, ticker = self.rng.randint(1, 7), self.rng.choice(TICKERS)
        world = self.rng.choice([world for world in self.worlds if world not in self.busy])
        self.busy.append(world)
        requested, driven = self.now(), self.driven
        answer = world.get(f"/quote/{ticker}", self.keys[tier])
        self.busy.remove(world)
        if answer.status == 429:
            return
        assert answer.status == 200, answer.text
        assert "stale" not in answer.headers["Cache-Status"]
        # The clock of the answer: that of the question and what was driven since. Real time only makes it later.
        fetched, now = self.fetched[answer.json["bid"]], requested + (self.driven - driven)
        assert may_have(tier, fetched, now), (tier, fetched, now, answer.headers)
        self.answers += 1
        self.hits += answer.headers["Cache-Status"].startswith("dekr; hit")

    def check_stamps(self) -> None:
        """Older data never replaces newer: the stamp of each entry only grows."""
        for ticker in TICKERS:
            (stamp,) = self.links[0].run(plain("GETRANGE", f"dekr:{{{ticker}}}:quote", 0, 15))
            assert stamp >= self.stamps.get(ticker, b"") or not stamp
            self.stamps[ticker] = stamp or self.stamps.get(ticker, b"")

    def _during(self, _: httpx.Request) -> None:
        """Run while an upstream call is under way: it may be slow, or lose its lease and be overtaken by another."""
        self.fetched[len(self.upstream.calls)] = self.now()
        if len(self.busy) > 1 or self.rng.random() < 0.7:
            return
        self.move(timedelta(seconds=self.rng.uniform(0, 25)))
        for lease in LEASES:
            self.links[0].run(plain("DEL", f"dekr:{{upstream}}:lease:{lease}"))
        for _turn in range(self.rng.randint(0, 2)):
            self.read()
            self.check_stamps()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_no_answer_is_older_than_its_reader_may_have(redis: RedisServer, seed: int) -> None:
    town = Town(redis.url, seed)
    for _ in range(STEPS):
        town.read()
        town.check_stamps()
        scale = town.rng.choice((1, 10, 60, 600, 7200))
        town.move(timedelta(seconds=town.rng.expovariate(1 / scale)))
    assert town.answers > STEPS / 2
    assert 0 < town.hits < town.answers
    for link in town.links:
        link.close()
