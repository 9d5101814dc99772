"""What ends a relay, and what it leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from dekr.errors import StoreDown
from dekr.passed_over import PassedOver
from dekr.stream.relay.pace import Ending
from dekr.stream.shift.endings import Cause
from dekr.stream.shift.lease import HELD_S, RENEWAL_S, Holder
from dekr.stream.shift.shift import REPORT_S, Shift
from tests.fakes.driven_time import DrivenTime, settle
from tests.fakes.lease import FakeLease, LeaseTable
from tests.patience import HANG_S


@dataclass
class Parts:
    """A relay that ticks until it is told to stop, and what runs beside it. Each may be set to end or fail."""

    time: DrivenTime
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    ending: Ending = Ending.IDLE
    error: Exception | None = None
    feed_ended: asyncio.Event = field(default_factory=asyncio.Event)
    feed_error: Exception | None = None
    rounds_running: bool = False
    closed: bool = False
    drained: bool = False

    async def relay(self, epoch: int, until: Callable[[], bool]) -> Ending:
        assert epoch == 4
        while not until():
            if self.ended.is_set():
                if self.error:
                    raise self.error
                return self.ending
            await self.time.sleep(0.1)
        assert self.rounds_running
        self.drained = True
        return Ending.STOPPED

    async def feed(self) -> None:
        await self.feed_ended.wait()
        if self.feed_error:
            raise self.feed_error

    async def rounds(self) -> None:
        self.rounds_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.rounds_running = False

    def counts(self) -> dict[str, int]:
        return {"events": 7}


@dataclass
class Scene:
    time: DrivenTime = field(default_factory=DrivenTime)
    table: LeaseTable = field(default_factory=LeaseTable)
    reports: list[Mapping[str, Any]] = field(default_factory=list)
    hanging: bool = False
    passed_over: PassedOver = field(default_factory=PassedOver)
    parts: Parts = field(init=False)
    shift: Shift = field(init=False)
    lease: FakeLease = field(init=False)

    def play(self, story: Callable[["Scene"], Any]) -> Cause:
        async def played() -> Cause:
            self.parts = Parts(self.time)
            self.lease = FakeLease(self.table, Holder("me", "r", "7", 0), self.time.now_ms)
            self.lease.take()
            clock = self.time
            self.shift = Shift(
                self.lease,
                self.opened,
                self.in_thread,
                clock.monotonic,
                clock.sleep,
                clock.at_s + 100,
                self.reports.append,
                self.passed_over,
            )
            running = asyncio.create_task(self.shift.run(4))
            await settle()
            await story(self)
            async with asyncio.timeout(HANG_S):
                cause = await running
            assert self.parts.closed
            assert not self.parts.rounds_running
            return cause

        return asyncio.run(played())

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Parts]:
        yield self.parts
        self.parts.closed = True

    async def in_thread[T](self, work: Callable[[], T]) -> T:
        if self.hanging:
            await asyncio.Event().wait()
        return work()


def test_a_relay_that_nobody_listens_to_ends() -> None:
    async def story(scene: Scene) -> None:
        await scene.time.go(10)
        scene.parts.ended.set()
        await scene.time.go(0.1)

    scene = Scene()
    assert scene.play(story) is Cause.IDLE
    assert len(scene.reports) == 1
    assert scene.lease.renewals == 3


def test_a_relay_whose_time_is_over_stops_and_is_drained() -> None:
    async def story(scene: Scene) -> None:
        await scene.time.go(99)
        assert not scene.parts.drained
        await scene.time.go(2)

    scene = Scene()
    assert scene.play(story) is Cause.DEADLINE
    assert scene.parts.drained


def test_its_lease_is_renewed_every_three_seconds() -> None:
    async def story(scene: Scene) -> None:
        for count in range(1, 6):
            await scene.time.go(RENEWAL_S)
            assert scene.lease.renewals == count
        scene.shift.stop(Cause.SIGNAL)
        await scene.time.go(0.1)

    assert Scene().play(story) is Cause.SIGNAL


def test_a_relay_whose_lease_is_another_ones_stops() -> None:
    async def story(scene: Scene) -> None:
        scene.table.held = None
        await scene.time.go(RENEWAL_S + 0.1)

    assert Scene().play(story) is Cause.LEASE_LOST


@pytest.mark.parametrize("hangs", [False, True])
def test_a_relay_that_cannot_renew_its_lease_stops_in_time(hangs: bool) -> None:
    async def story(scene: Scene) -> None:
        scene.table.down, scene.hanging = True, hangs
        await scene.time.go(HELD_S - 0.5)
        assert not scene.parts.drained
        await scene.time.go(0.6)
        assert scene.parts.drained
        assert [failure.fault for failure in scene.passed_over.take()] == ([] if hangs else ["renew"])

    assert Scene().play(story) is Cause.LEASE_LOST


def test_a_relay_that_reaches_the_table_again_goes_on() -> None:
    async def story(scene: Scene) -> None:
        scene.table.down = True
        await scene.time.go(RENEWAL_S + 0.1)
        scene.table.down = False
        await scene.time.go(20)
        assert not scene.parts.drained
        scene.shift.stop(Cause.SIGNAL)
        await scene.time.go(0.1)

    assert Scene().play(story) is Cause.SIGNAL


def test_a_relay_whose_upstream_connection_is_another_ones_stops() -> None:
    async def story(scene: Scene) -> None:
        scene.parts.feed_ended.set()
        await scene.time.go(0.2)

    assert Scene().play(story) is Cause.EVICTED


def test_a_fenced_relay_ends_at_once() -> None:
    async def story(scene: Scene) -> None:
        scene.parts.ending = Ending.FENCED
        scene.parts.ended.set()
        await scene.time.go(0.1)

    assert Scene().play(story) is Cause.FENCED


def test_the_error_of_a_part_ends_the_relay_and_is_raised() -> None:
    async def feed(scene: Scene) -> None:
        scene.parts.feed_error = ZeroDivisionError()
        scene.parts.feed_ended.set()
        await scene.time.go(0.2)
        assert scene.parts.drained

    scene = Scene()
    with pytest.raises(ZeroDivisionError):
        scene.play(feed)
    assert scene.reports == [{"events": 7}]

    async def relay(scene: Scene) -> None:
        scene.parts.error = StoreDown()
        scene.parts.ended.set()
        await scene.time.go(0.1)

    with pytest.raises(StoreDown):
        Scene().play(relay)


def test_it_reports_every_minute_and_at_the_end() -> None:
    async def story(scene: Scene) -> None:
        await scene.time.go(REPORT_S + 1)
        assert len(scene.reports) == 1
        scene.shift.stop(Cause.SIGNAL)
        await scene.time.go(0.1)

    scene = Scene()
    scene.play(story)
    assert scene.reports == [{"events": 7}] * 2
