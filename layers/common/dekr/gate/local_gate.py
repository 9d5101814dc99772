"""The gate of one sandbox that cannot reach the store: the budget fails closed to a small static share."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dekr.gate.call import Family
from dekr.gate.gate import WINDOW_US
from dekr.gate.permit import Permit, budget_spent
from dekr.gate.request import FetchRequest
from dekr.store import Command

STATIC_SANDBOXES: Final = 20
"""Without the store each sandbox assumes that it shares the budget with this many."""


@dataclass(slots=True, eq=False)
class LocalGate:
    """A gate that grants a static share of the budget, by this machine's clock, and knows of no other sandbox."""

    per_minute: int
    now_us: Callable[[], int]
    _log: deque[int] = field(default_factory=deque)
    _paused_until_us: int = 0

    def admit(self, request: FetchRequest) -> Permit:
        """Grant a permit, stamped by this machine's clock. Raises BudgetSpent over the static share."""
        permit = Permit(self, request, "", request.families[0], 0)
        self.spend(permit, request.families)
        permit.stamp_us = self.now_us()
        return permit

    def spend(self, permit: Permit, families: Sequence[Family]) -> Family:
        """Take one call from the static share and return the first family. Raises BudgetSpent, which says when the calls that the
        fetch has yet to make are possible.
        """
        now, share = self.now_us(), max(1, self.per_minute // STATIC_SANDBOXES)
        while self._log and self._log[0] <= now - WINDOW_US:
            self._log.popleft()
        if now < self._paused_until_us:
            raise budget_spent(self._paused_until_us - now, "pause after status 429")
        if len(self._log) >= share:
            to_make = min(max(1, permit.request.calls - permit.outcome.calls), share)
            leaving_us = self._log[len(self._log) - share + to_make - 1]
            raise budget_spent(leaving_us + WINDOW_US - now, "static share of one sandbox")
        self._log.append(now)
        return families[0]

    def report(self, permit: Permit) -> None:
        """Do nothing: no breaker is shared without the store."""

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """Take the call that was paid and not made out of this sandbox's own log; there is nothing to send."""
        del permit
        self._log.pop()
        return ()

    def settled(self, permit: Permit, message: str, life_ms: int) -> tuple[Command, ...]:
        """Keep a pause for this sandbox; nobody waits, so there is nothing to send."""
        del message, life_ms
        if permit.unreported.pause_us:
            self._paused_until_us = self.now_us() + permit.unreported.pause_us
        return ()
