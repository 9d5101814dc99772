"""Permits to make one fetch: what was paid and observed, and the commands that end the fetch and tell those who wait."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, DekrError, ShareSpent, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.call import Attempt, CallOutcome, Family
from dekr.gate.request import FetchRequest
from dekr.store import Command

COUNTS_AS_SLOW_S: Final = 5.0
"""A call that took longer (seconds) counts against the breaker even if it succeeded."""

SLOW_FAILURE_S: Final = 1.0
"""A call that failed after so long (seconds) or longer has kept its reader waiting: the same fetch does not try it again, and a few
in a row open the breaker, however rarely calls are made.
"""

LONGEST_PAUSE_S: Final = 120.0
"""The longest pause of all calls in seconds: the gate takes one that ends later for one set before the clock stepped back."""

DONE_MS: Final = 5_000
"""How long the message that a fetch has ended well stays in its lease."""

FAILED_MS: Final = 1_000
"""How long the message that a fetch has failed stays in its lease: those who wait share the failure, later ones try again."""


class PermitIssuer(Protocol):
    """The gate that granted a permit, for a plan with ``per_minute`` calls a minute."""

    @property
    def per_minute(self) -> int:
        """Calls a minute of the plan."""
        ...

    def spend(self, permit: "Permit", families: Sequence[Family]) -> Family:
        """Take one more call for the permit, of the first family that may be called, and return that family."""
        ...

    def report(self, permit: "Permit") -> None:
        """Tell the breakers what was observed so far, and keep the lease."""
        ...

    def settled(self, permit: "Permit", message: str, life_ms: int) -> tuple[Command, ...]:
        """The commands that end a fetch: put a ``message`` for those who wait in the place of its lease, for ``life_ms``, and tell
        the breakers what was observed.
        """
        ...

    def returned(self, permit: "Permit") -> tuple[Command, ...]:
        """The commands that give back the call that was paid and not made."""
        ...


@dataclass(slots=True, eq=False)
class FamilyReport:
    """Observations of one family: how many calls went well and how many failed, for its breaker, and how many of these were slow
    since the last that went well; whether one brought data, whether the upstream was out of reach at last, and whether the plan
    refused a call, for which ``ticker``.
    """

    good: int = 0
    bad: int = 0
    slow: int = 0
    brought: bool = False
    unreachable: bool = False
    refused: bool = False
    ticker: str = ""

    def words(self) -> tuple[int | str, ...]:
        """The arguments of this family in ``settle.lua``."""
        flags = int(self.brought), int(self.unreachable), int(self.refused)
        return self.good, self.bad, self.slow, *flags, self.ticker


@dataclass(slots=True, eq=False)
class BreakerReport:
    """Observations that the gate does not have yet: by family, and for how many microseconds the upstream sent its callers
    away.
    """

    families: dict[Family, FamilyReport] = field(default_factory=dict)
    pause_us: int = 0


@dataclass(slots=True, eq=False)
class FetchOutcome:
    """The cost of a fetch so far: its upstream ``calls``, and its ``attempts`` as they ended."""

    calls: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The seconds spent in calls."""
        return sum(attempt.seconds for attempt in self.attempts)


@dataclass(slots=True, eq=False)
class Permit:
    """The right to make the fetch that was requested (a ``dekr.gate.call.Call``). It holds the lease; one call is paid already.

    ``stamp_us`` is the moment at which it was granted, on the store's clock: the start of the fetch. ``family`` is the endpoint
    family to call. ``token`` identifies the holder; it is empty where no store, and so no lease, is behind the permit.
    """

    issuer: PermitIssuer
    request: FetchRequest
    token: str
    family: Family
    stamp_us: int
    outcome: FetchOutcome = field(default_factory=FetchOutcome)
    paid: bool = True
    unreported: BreakerReport = field(default_factory=BreakerReport)

    @property
    def deadline(self) -> Deadline:
        """The moment by which the answer must be there."""
        return self.request.deadline

    @property
    def floor_us(self) -> int:
        """Data whose fetch started after this moment (store's clock, microseconds) are new enough."""
        return self.request.floor_us

    @property
    def families(self) -> tuple[Family, ...]:
        """The endpoint families that are tried, best first."""
        return self.request.families

    @property
    def alone(self) -> bool:
        """Whether no store, and so no lease, is behind the permit."""
        return not self.token

    def spend(self, family: Family) -> None:
        """Take one more call from the budget, unless it is paid already. Raises BudgetSpent, UpstreamDown."""
        if not self.paid:
            self.issuer.spend(self, (family,))
        self.paid = False
        self.outcome.calls += 1

    def observe(self, attempt: Attempt) -> None:
        """Remember how an attempt ended; the breaker is told when the fetch ends. A call that was not sent is paid still: the next
        attempt makes it, or it is given back.
        """
        if not attempt.outcome.sent:
            self.paid = True
            self.outcome.calls -= 1
        self.outcome.attempts.append(attempt)
        family = self.unreported.families.setdefault(attempt.family, FamilyReport())
        family.unreachable = attempt.outcome is CallOutcome.UNREACHABLE
        if attempt.outcome.breaks or attempt.seconds > COUNTS_AS_SLOW_S:
            family.bad += 1
            family.slow += attempt.outcome.breaks and attempt.seconds >= SLOW_FAILURE_S
        elif attempt.refused:
            family.refused, family.ticker = True, attempt.ticker
        elif attempt.outcome is CallOutcome.THROTTLED:
            # Where the upstream names no time: as long as one call of the plan takes.
            pause_s = attempt.pause_s or max(1.0, 60 / self.issuer.per_minute)
            self.unreported.pause_us = int(min(pause_s, LONGEST_PAUSE_S) * 1_000_000)
        else:
            family.good, family.slow = family.good + 1, 0
            family.brought |= attempt.outcome is CallOutcome.OK

    def step_down(self) -> Family:
        """Go on to the next family where the present one gave nothing: refused by the plan, or no price.

        Raises UpstreamNotEntitled after the last.
        """
        left = self.families[self.families.index(self.family) + 1 :]
        if not left:
            raise not_entitled("no source is left")
        self.issuer.report(self)
        return self.turn_to(left)

    def turn_to(self, families: tuple[Family, ...]) -> Family:
        """Go on with the first of these families that the plan is known to include; returns it. Renews the lease.

        Raises what Gate.admit raises; then nothing has changed.
        """
        self.family = self.issuer.spend(self, families)
        self.request, self.paid = replace(self.request, families=families), True
        return self.family

    def renewed(self) -> tuple[Command, ...]:
        """The commands that let the time of its lease begin anew."""
        return self.issuer.settled(self, f"h:{self.token}", self.request.lease_ms)

    def finished(self) -> tuple[Command, ...]:
        """The commands that end the fetch and tell those who wait to read again."""
        return self._ended(f"d:{self.stamp_us:016d}", DONE_MS)

    def given_up(self) -> tuple[Command, ...]:
        """The commands that end the fetch and let the next one try at once."""
        return self._ended("", FAILED_MS)

    def failed(self, error: DekrError, life_ms: int = FAILED_MS) -> tuple[Command, ...]:
        """The commands that end a fetch that failed.

        Those who wait share what the upstream did, for ``life_ms``; what was this request's own trouble (its deadline, its
        share of the budget, its range) lets the next one try at once.
        """
        shared = isinstance(error, UpstreamDown | UpstreamInvalid) or (
            isinstance(error, UpstreamNotEntitled) and not self.family.refused_by_range
        )
        return self._ended(f"f:{error.code}" if shared else "", life_ms)

    def _ended(self, message: str, life_ms: int) -> tuple[Command, ...]:
        back = self.issuer.returned(self) if self.paid else ()
        self.paid = False
        return (*self.issuer.settled(self, message, life_ms), *back)


def not_entitled(fault: str) -> UpstreamNotEntitled:
    """The error of a datum for which the plan has no source; ``fault`` says how that is known."""
    return UpstreamNotEntitled("The data plan behind this service does not include this data.", fault=fault)


def budget_spent(left_us: int, fault: str) -> BudgetSpent:
    """The error of a call that a budget has no room for until ``left_us`` microseconds from now; ``fault`` names the budget."""
    text = "This service's allowance of upstream calls is used up for now."
    return BudgetSpent(text, retry_after_s=_wait_s(left_us), fault=fault)


def share_spent(left_us: int) -> ShareSpent:
    """The error of a call that is kept for others than the user until ``left_us`` microseconds from now."""
    return ShareSpent(retry_after_s=_wait_s(left_us), fault="share of one user")


def _wait_s(left_us: int) -> float:
    return max(1.0, left_us / 1e6)
