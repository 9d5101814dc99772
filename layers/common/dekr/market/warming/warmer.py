"""Preloading on a schedule: quotes before the open and while it pays, history at night.

A reader's own miss refreshes as much as a run here does, so a run is worth its call only where nobody has asked yet (before
the open) or where so many ask that the waiting of those who meet a fetch outweighs it; a run every minute would cost more
calls than it saves. A run makes one shared refresh at most, every call stays within a part of the budget of its own, and
nothing is preloaded for nobody. Runs can be repeated, and ended at any moment: what they hold is a lease, which ends.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from dekr import sessions
from dekr.access.limits import RateCharge
from dekr.cache.freshness import DAY_US, LATE_PRINTS_US, SECOND_US
from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, DekrError, StoreDown
from dekr.gate.budget_share import BudgetShare
from dekr.gate.call import Attempt
from dekr.market.demand.record import NO_FLOOR, Demand, Forecast
from dekr.market.warming.audit import PreloadAudit, PreloadRecord
from dekr.sessions import Session

SHARE: Final = 0.1
"""The warmer's part of the upstream budget; one call a minute at the least."""

IDLE_US: Final = 900 * SECOND_US
"""In the session: nobody has asked for so long, nobody is asking."""

FORGOTTEN_US: Final = 5 * DAY_US
"""Before the open and at night: nobody has asked for longer than any weekend with a holiday."""

BEFORE_OPEN_US: Final = 600 * SECOND_US
AGAIN_US: Final = 50 * SECOND_US
"""Before the open: what was preloaded so shortly ago was preloaded for it (a schedule may fire twice)."""


class Task(StrEnum):
    """What a run is for."""

    QUOTES = "quotes"
    OPEN = "open"
    NIGHT = "night"


class Refresher(Protocol):
    """Makes shared refreshes (dekr.market.quotes.shared_refresh)."""

    def refresh(self, deadline: Deadline, forecast: Forecast | None = None) -> int:
        """One refresh of what is worth most in this outlook, by default the present one; returns how many calls it made."""
        ...

    def relief(self) -> float:
        """What a refresh would save now, less what it costs, in calls."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, in a word, and its upstream calls. ``saved`` and ``wasted``: preloaded tickers of earlier runs that were,
    or were not, read before they were too old; ``left``: those that may still be. ``failure``: the error that ended the run,
    other than a spent budget, after which the next run goes on. ``attempts``: its upstream calls as they ended.
    """

    task: Task
    done: str
    calls: int = 0
    saved: int = 0
    wasted: int = 0
    left: int = 0
    failure: DekrError | None = field(default=None, compare=False)
    attempts: Sequence[Attempt] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Warmer:
    """Runs one task. ``night`` brings history up to date and says in a word how far it came; ``share`` is the gate that it and
    ``refresher`` use; ``toll`` makes what counts the calls of refreshes among all of the day.
    """

    demand: Demand
    preloads: PreloadRecord
    refresher: Refresher
    night: Callable[[Deadline], str]
    share: BudgetShare
    charge: Callable[[], RateCharge]

    def run(self, task: Task, deadline: Deadline) -> Report:
        """One run. An expected failure is a word of the report."""
        before = self.share.calls
        try:
            seen = self.preloads.judge()
        except StoreDown as error:
            return Report(task, error.code, failure=error)
        failure = None
        try:
            done = why_not(task, seen) or self._do(task, seen, deadline)
        except DekrError as error:
            done = error.code
            failure = None if isinstance(error, BudgetSpent) else error
        calls, attempts = self.share.calls - before, self.share.take_attempts()
        return Report(task, done, calls, seen.saved, seen.wasted, seen.left, failure, attempts)

    def _do(self, task: Task, seen: PreloadAudit, deadline: Deadline) -> str:
        if task is Task.NIGHT:
            return self.night(deadline)
        if task is Task.QUOTES and self.refresher.relief() <= 0:
            return "not worth it"
        forecast = self._of_the_open(seen) if task is Task.OPEN else None
        before = self.share.calls
        try:
            calls = self.refresher.refresh(deadline, forecast)
        finally:
            self._count(self.share.calls - before)
        if not calls:
            return "nothing"
        self.preloads.note(seen.now_us)
        return "refreshed"

    def _of_the_open(self, seen: PreloadAudit) -> Forecast:
        """What is likely to be asked for from the open on: what is popular, at the pace of a usual day."""
        return replace(self.demand.forecast(NO_FLOOR, seen.usual_rate), now_us=sessions.at(seen.now_us).until_us)

    def _count(self, calls: int) -> None:
        if calls:
            charge = self.charge()
            self.share.gate.store.run(charge.command, *charge.count_misses(0, calls))


def why_not(task: Task, seen: PreloadAudit) -> str | None:
    """Why a run has nothing to do, where that is so."""
    moment = sessions.at(seen.now_us)
    closed = moment.session is Session.CLOSED
    if task is Task.QUOTES and closed:
        return "market closed"
    if task is Task.NIGHT and not (closed and seen.now_us >= moment.since_us + LATE_PRINTS_US):
        return "market open"
    if task is Task.OPEN:
        opens = moment.known and moment.session in (Session.CLOSED, Session.PRE)
        if not opens or moment.until_us - seen.now_us > BEFORE_OPEN_US:
            return "no open"
        if seen.now_us - seen.preloaded_us < AGAIN_US:
            return "done"
    patience_us = IDLE_US if task is Task.QUOTES else FORGOTTEN_US
    return "idle" if seen.now_us - seen.asked_us > patience_us else None
