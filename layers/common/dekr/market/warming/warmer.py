"""Preloading on a schedule: quotes before the open, history at night and in the pre-market.

While the market is open a reader's own miss refreshes as much as a run here could, and a run every minute would cost more calls
than it saves, so nothing is preloaded then (docs/adr/0013). A run makes one shared refresh at most, every call stays within a
part of the budget of its own, and nothing is preloaded where no reader is expected. Runs can be repeated, and ended at any
moment: they hold a lease, which ends.
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
from dekr.market.demand.forecast import Forecast
from dekr.market.demand.record import NO_FLOOR, Demand
from dekr.market.warming.audit import PreloadAudit, PreloadRecord
from dekr.sessions import Session
from dekr.store import Store

WARMER_FRACTION: Final = 0.1
"""The warmer's part of the upstream budget; one call a minute at the least."""

FORGOTTEN_US: Final = 5 * DAY_US
"""Longer than any weekend with a holiday: where nobody has read a quote for so long, no reader is expected."""

BEFORE_OPEN_US: Final = 600 * SECOND_US
"""Quotes are preloaded in the last minutes before a session opens."""

AGAIN_US: Final = 50 * SECOND_US
"""Quotes that were preloaded so shortly ago were preloaded for this open (a schedule may fire twice)."""


class Task(StrEnum):
    """The purpose of a run."""

    OPEN = "open"
    """Preload quotes before a session opens."""
    AUDIT = "audit"
    """Find out which of the preloaded quotes were read."""
    NIGHT = "night"
    """Bring history up to date: at night, and in the pre-market, when the day before is settled."""


class Refresher(Protocol):
    """Makes shared refreshes (dekr.market.quotes.shared_refresh)."""

    def refresh(self, deadline: Deadline, forecast: Forecast) -> int:
        """Refresh the tickers that the forecast expects to be read; returns the number of its calls."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run: ``done`` in a few words, and its upstream calls.

    ``saved`` and ``wasted``: preloaded tickers of earlier runs that were, or were not, read before they were too old;
    ``left``: those that may still be. ``failure``: the error that ended the run, other than a spent budget, after which the
    next run goes on. ``attempts``: its upstream calls as they ended.
    """

    task: Task
    done: str
    calls: int = 0
    saved: int = 0
    wasted: int = 0
    left: int = 0
    failure: DekrError | None = field(default=None, compare=False)
    attempts: Sequence[Attempt] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Warmer:
    """Runs one task.

    ``night`` brings history up to date and says in a few words how far it came; ``share`` is the gate that it and ``refresher``
    use; ``charge`` makes the rate charge that counts the calls of refreshes among all of the day, in the ``store``.
    """

    demand: Demand
    preloads: PreloadRecord
    refresher: Refresher
    night: Callable[[Deadline], str]
    share: BudgetShare
    charge: Callable[[], RateCharge]
    store: Store

    def run(self, task: Task, deadline: Deadline) -> Report:
        """Run the task. An expected failure is part of the report: ``done`` is its code."""
        before = self.share.calls
        try:
            audit = self.preloads.audit()
        except StoreDown as error:
            return Report(task, error.code, failure=error)
        failure = None
        try:
            done = why_not(task, audit) or self._do(task, audit, deadline)
        except DekrError as error:
            done = error.code
            failure = None if isinstance(error, BudgetSpent) else error
        calls, attempts = self.share.calls - before, self.share.take_attempts()
        return Report(task, done, calls, audit.saved, audit.wasted, audit.left, failure, attempts)

    def _do(self, task: Task, audit: PreloadAudit, deadline: Deadline) -> str:
        match task:
            case Task.NIGHT:
                return self.night(deadline)
            case Task.OPEN:
                return self._preload(audit, deadline)
            case Task.AUDIT:
                return "audited"

    def _preload(self, audit: PreloadAudit, deadline: Deadline) -> str:
        # The popular tickers, at the pace of a usual day, from the open on.
        usual = self.demand.forecast(NO_FLOOR, audit.usual_rate)
        before = self.share.calls
        try:
            calls = self.refresher.refresh(deadline, replace(usual, now_us=sessions.at(audit.now_us).until_us))
        finally:
            self._count(self.share.calls - before)
        if not calls:
            return "nothing"
        self.preloads.record(audit.now_us)
        return "refreshed"

    def _count(self, calls: int) -> None:
        if calls:
            charge = self.charge()
            self.store.run(charge.command, *charge.count_misses(0, calls))


def why_not(task: Task, audit: PreloadAudit) -> str | None:
    """The reason for which a run has nothing to do; None where it has something to do."""
    if task is Task.AUDIT:
        return None
    moment = sessions.at(audit.now_us)
    closed = moment.session is Session.CLOSED
    over = closed and audit.now_us >= moment.since_us + LATE_PRINTS_US
    if task is Task.NIGHT and not over and moment.session is not Session.PRE:
        return "market open"
    if task is Task.OPEN:
        opens = moment.known and moment.session in (Session.CLOSED, Session.PRE)
        if not opens or moment.until_us - audit.now_us > BEFORE_OPEN_US:
            return "no open"
        if audit.now_us - audit.preloaded_us < AGAIN_US:
            return "done"
    return "idle" if audit.now_us - audit.requested_us > FORGOTTEN_US else None
