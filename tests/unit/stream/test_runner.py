"""Whether a run becomes the relay."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dekr.passed_over import PassedOver
from dekr.stream.shift.endings import Cause, Outcome, RunReport
from dekr.stream.shift.lease import LIFE_MS, Held, Holder
from dekr.stream.shift.runner import LONGEST_WAIT_S, WOKEN_WAIT_S, Runner
from tests.fakes.driven_time import DrivenTime, settle
from tests.fakes.lease import FakeLease, LeaseTable

MINUTE_MS = 60_000


@dataclass
class Scene:
    """A run with 900 s of time. ``causes``: why its relays end, one after the other."""

    table: LeaseTable = field(default_factory=LeaseTable)
    time: DrivenTime = field(default_factory=DrivenTime)
    heard: bool = True
    causes: list[Cause] = field(default_factory=list)
    served: list[int] = field(default_factory=list)
    sweeps: int = 0
    passed_over: PassedOver = field(default_factory=PassedOver)
    during: Callable[[], None] = lambda: None

    def runner(self) -> Runner:
        holder = Holder("me", "r2", "7", self.time.now_ms() + 900_000)
        self.lease = FakeLease(self.table, holder, self.time.now_ms)
        return Runner(
            self.lease,
            is_heard=lambda: self.heard,
            sweep=self.sweep,
            serve=self.serve,
            ends_s=self.time.at_s + 900,
            in_thread=in_thread,
            now_ms=self.time.now_ms,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            passed_over=self.passed_over,
        )

    async def sweep(self) -> None:
        self.sweeps += 1

    async def serve(self, epoch: int) -> Cause:
        assert self.table.held
        assert self.table.held.holder.owner == "me"
        self.served.append(epoch)
        self.during()
        return self.causes.pop(0) if self.causes else Cause.IDLE

    def other(self, expires_in_ms: int = LIFE_MS, ends_in_ms: int = 10 * MINUTE_MS) -> None:
        """Another run has the lease, now renewed for so long."""
        now_ms = self.time.now_ms()
        self.table.epoch = self.table.epoch or 1
        self.table.held = Held(
            Holder("other", "r1", "7", now_ms + ends_in_ms), self.table.epoch, now_ms + expires_in_ms
        )

    def run(self, *, scheduled: bool, steps: Callable[[], Any] = lambda: None) -> RunReport | None:
        """Its report; None where it still waits after the steps."""

        async def ran() -> RunReport | None:
            task = asyncio.create_task(self.runner().run(scheduled=scheduled))
            await settle()
            awaitable = steps()
            if awaitable is not None:
                await awaitable
            if not task.done():
                task.cancel()
                return None
            return task.result()

        return asyncio.run(ran())


async def in_thread[T](work: Callable[[], T]) -> T:
    return work()


@pytest.mark.parametrize("scheduled", [False, True])
def test_with_a_free_lease_and_listeners_it_serves_and_gives_the_lease_back(scheduled: bool) -> None:
    scene = Scene()
    assert scene.run(scheduled=scheduled) == RunReport(Outcome.SERVED, Cause.IDLE, 1)
    assert scene.served == [1]
    assert scene.table.held is None


def test_how_a_relay_ended_is_told_although_its_lease_cannot_be_given_back() -> None:
    scene = Scene(causes=[Cause.DEADLINE])
    scene.during = lambda: setattr(scene.table, "down", True)
    assert scene.run(scheduled=True) == RunReport(Outcome.SERVED, Cause.DEADLINE, 1)
    assert [failure.fault for failure in scene.passed_over.take()] == ["release"]


def test_where_another_relay_runs_the_schedules_run_leaves_at_once() -> None:
    scene = Scene()
    scene.other()
    assert scene.run(scheduled=True) == RunReport(Outcome.HELD)
    assert scene.time.slept == []
    assert (scene.served, scene.sweeps) == ([], 0)


def test_a_woken_run_waits_a_moment_for_a_relay_that_has_just_ended() -> None:
    scene = Scene()
    scene.other()

    async def released() -> None:
        await scene.time.go(0.5)
        scene.table.held = None
        await scene.time.go(0.5)

    assert scene.run(scheduled=False, steps=released) == RunReport(Outcome.SERVED, Cause.IDLE, 2)
    scene.other()
    assert scene.run(scheduled=False, steps=lambda: scene.time.go(WOKEN_WAIT_S)) == RunReport(Outcome.HELD)


def test_where_nobody_listens_the_schedule_makes_a_round_and_who_was_woken_serves() -> None:
    scene = Scene(heard=False)
    assert scene.run(scheduled=True) == RunReport(Outcome.UNHEARD)
    assert (scene.served, scene.sweeps, scene.table.epoch) == ([], 1, 0)
    assert scene.run(scheduled=False) == RunReport(Outcome.SERVED, Cause.IDLE, 1)


def test_the_schedules_run_waits_for_a_relay_that_ends_soon_and_takes_over() -> None:
    scene = Scene()
    scene.other(ends_in_ms=75_000)

    async def steps() -> None:
        for _ in range(20):
            await scene.time.go(3)
            scene.other(ends_in_ms=15_000)
        assert scene.served == []
        scene.table.held = None
        await scene.time.go(0.5)

    assert scene.run(scheduled=True, steps=steps) == RunReport(Outcome.SERVED, Cause.IDLE, 2)


def test_a_woken_run_does_not_wait_for_a_relay_that_ends_soon_nor_the_schedules_for_one_that_does_not() -> None:
    scene = Scene()
    scene.other(ends_in_ms=75_000)
    assert scene.run(scheduled=False, steps=lambda: scene.time.go(WOKEN_WAIT_S)) == RunReport(Outcome.HELD)
    scene.other(ends_in_ms=75_001)
    assert scene.run(scheduled=True) == RunReport(Outcome.HELD)


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_lease_that_is_not_renewed_any_more_is_waited_out(scheduled: bool) -> None:
    scene = Scene()
    scene.other(expires_in_ms=5_900)
    served = scene.run(scheduled=scheduled, steps=lambda: scene.time.go(6))
    assert served == RunReport(Outcome.SERVED, Cause.IDLE, 2)
    scene.other(expires_in_ms=5_900)

    async def renewed() -> None:
        await scene.time.go(1)
        scene.other()
        await scene.time.go(1)

    assert scene.run(scheduled=scheduled, steps=renewed) == RunReport(Outcome.HELD)


def test_it_does_not_stand_by_without_end() -> None:
    scene = Scene()
    scene.other(ends_in_ms=75_000)

    async def steps() -> None:
        for _ in range(int(LONGEST_WAIT_S) // 3 + 1):
            scene.other(ends_in_ms=10_000)
            await scene.time.go(3)

    assert scene.run(scheduled=True, steps=steps) == RunReport(Outcome.HELD)


@pytest.mark.parametrize("cause", [Cause.FENCED, Cause.LEASE_LOST])
def test_a_relay_that_must_not_go_on_begins_anew_with_a_higher_epoch_unless_another_has_the_lease(cause: Cause) -> None:
    scene = Scene(causes=[cause, cause])
    assert scene.run(scheduled=False, steps=lambda: scene.time.go(1)) == RunReport(Outcome.SERVED, Cause.IDLE, 3)
    assert scene.served == [1, 2, 3]
    scene = Scene(causes=[cause])
    scene.during = scene.other
    assert scene.run(scheduled=False, steps=lambda: scene.time.go(1)) == RunReport(Outcome.SERVED, cause, 1)
    scene = Scene(causes=[cause])
    scene.during = lambda: setattr(scene.time, "at_s", scene.time.at_s + 850)
    assert scene.run(scheduled=False) == RunReport(Outcome.SERVED, cause, 1)


def test_the_lease_is_given_back_where_serving_fails() -> None:
    scene = Scene()

    def fail() -> None:
        raise ZeroDivisionError

    scene.during = fail
    with pytest.raises(ZeroDivisionError):
        scene.run(scheduled=False)
    assert scene.table.held is None


def test_who_takes_the_lease_second_leaves() -> None:
    scene = Scene()
    runner = scene.runner()

    def heard_while_another_takes_it() -> bool:
        scene.other()
        return True

    runner.is_heard = heard_while_another_takes_it
    assert asyncio.run(runner.run(scheduled=True)) == RunReport(Outcome.HELD)
    assert scene.served == []
