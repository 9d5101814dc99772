"""Leave to fetch one datum, as its holder sees it: calls are paid, their outcomes noted, and its end is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, DekrError, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.call import Outcome
from dekr.store import Command

COUNTS_AS_SLOW_S: Final = 5.0
"""A call that took longer counts against the breaker even if it succeeded."""

RANGES: Final = ("aggs",)
"""Families whose refusal depends on the range that was asked for (the plan's history ends somewhere): not remembered."""

LONGEST_PAUSE_S: Final = 120.0
"""The gate takes a pause that ends later than this for one that was set before the clock stepped back."""

DONE_MS: Final = 5_000
FAILED_MS: Final = 1_000


class Keeper(Protocol):
    """The gate that granted a permit, for a plan with ``per_minute`` calls a minute."""

    @property
    def per_minute(self) -> int:
        """Calls a minute of the plan."""
        ...

    def spend(self, permit: "Permit", families: Sequence[str]) -> str:
        """Take one more call for the permit, from the first family that may be called; returns it."""
        ...

    def tell(self, permit: "Permit") -> None:
        """Pass on what was seen so far, and keep the lease."""
        ...

    def settled(self, permit: "Permit", word: str, life_ms: int) -> tuple[Command, ...]:
        """What to send at the end: leave ``word`` for those who wait, and pass on what was seen."""
        ...

    def returned(self, permit: "Permit") -> tuple[Command, ...]:
        """What gives back the call that was paid and not made."""
        ...


@dataclass(slots=True)
class Seen:
    """What was seen of one family: calls that went well, calls that failed, 1 where the plan lacks it."""

    good: int = 0
    bad: int = 0
    denied: int = 0


@dataclass(slots=True)
class Permit:
    """Leave to fetch one datum (a ``dekr.gate.call.Call``): it holds the lease, and one call is paid already.

    ``stamp_us`` is the moment it was granted, on the store's clock: the start of the fetch. ``floor_us``: what was fetched after
    it is new enough for whoever asked. ``waited``: a fetch that might have had it, too, was waited for in vain. ``family`` is the
    endpoint family to call. ``calls`` and ``seconds`` count what was spent upstream.
    """

    gate: Keeper
    datum: str
    token: str
    families: tuple[str, ...]
    family: str
    stamp_us: int
    reserved: bool
    lease_ms: int
    deadline: Deadline
    floor_us: int = 0
    waited: bool = False
    paid: bool = True
    calls: int = 0
    seconds: float = 0.0
    pause_us: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """Whether no store, and so no lease, is behind it."""
        return not self.token

    def spend(self, family: str) -> None:
        """Take one more call from the budget, unless it is paid already. Raises BudgetSpent, UpstreamDown."""
        if not self.paid:
            self.gate.spend(self, (family,))
        self.paid = False
        self.calls += 1

    def observe(self, family: str, outcome: Outcome, seconds: float, pause_s: float = 0.0) -> None:
        """Remember how a call went; the breaker is told when the fetch ends."""
        self.seconds += seconds
        seen = self.seen.setdefault(family, Seen())
        if outcome in (Outcome.FAILED, Outcome.KEY_REFUSED) or seconds > COUNTS_AS_SLOW_S:
            seen.bad += 1
        elif outcome is Outcome.NOT_ENTITLED and family not in RANGES:
            seen.denied = 1
        elif outcome is Outcome.THROTTLED:
            # Where the upstream names no time: as long as one call of the plan takes.
            pause_s = pause_s or max(1.0, 60 / self.gate.per_minute)
            self.pause_us = int(min(pause_s, LONGEST_PAUSE_S) * 1_000_000)
        else:
            seen.good += 1

    def step_down(self) -> str:
        """The next family to try where the present one gave nothing: refused by the plan, or no price.

        Raises UpstreamNotEntitled after the last.
        """
        left = self.families[self.families.index(self.family) + 1 :]
        if not left:
            raise not_entitled()
        self.gate.tell(self)
        return self.turn_to(left)

    def turn_to(self, families: tuple[str, ...]) -> str:
        """Go on with the first of these families that the plan is known to include; returns it. Renews the lease.

        Raises what Gate.admit raises; then nothing has changed.
        """
        self.family = self.gate.spend(self, families)
        self.families, self.paid = families, True
        return self.family

    def renewed(self) -> tuple[Command, ...]:
        """What lets its lease begin anew."""
        return self.gate.settled(self, f"h:{self.token}", self.lease_ms)

    def finished(self) -> tuple[Command, ...]:
        """What ends the fetch and tells those who wait to read again."""
        return self._ended(f"d:{self.stamp_us:016d}", DONE_MS)

    def given_up(self) -> tuple[Command, ...]:
        """What ends the fetch and lets the next one try at once."""
        return self._ended("", FAILED_MS)

    def failed(self, error: DekrError, life_ms: int = FAILED_MS) -> tuple[Command, ...]:
        """What ends the fetch. Those who wait share what the upstream did for a moment; what was this
        request's own trouble (its deadline, its share of the budget, its range) lets the next one try. ``life_ms``: how long.
        """
        shared = isinstance(error, UpstreamDown | UpstreamInvalid) or (
            isinstance(error, UpstreamNotEntitled) and self.family not in RANGES
        )
        return self._ended(f"f:{error.code}" if shared else "", life_ms)

    def _ended(self, word: str, life_ms: int) -> tuple[Command, ...]:
        back = self.gate.returned(self) if self.paid else ()
        self.paid = False
        return (*self.gate.settled(self, word, life_ms), *back)


def not_entitled() -> UpstreamNotEntitled:
    """The error of a datum for which the plan has no source."""
    return UpstreamNotEntitled("The data plan behind this service does not include this data.")


def budget_spent(left_us: int) -> BudgetSpent:
    """The error of a call that the budget has no room for until so many microseconds from now."""
    seconds = max(1.0, left_us / 1e6)
    return BudgetSpent("This service's allowance of upstream calls is used up for now.", retry_after_s=seconds)
