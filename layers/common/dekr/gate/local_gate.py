"""The gate of one sandbox that cannot reach the store: the budget fails closed to a small static share."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dekr.deadline import Deadline
from dekr.gate.gate import WINDOW_US
from dekr.gate.permit import Permit, budget_spent
from dekr.store import Command

STATIC_SANDBOXES: Final = 20
"""Without the store each sandbox assumes that it shares the budget with this many."""


@dataclass(slots=True)
class LocalGate:
    """The gate of one sandbox that cannot reach the store: a static share of the budget, and nothing is shared."""

    per_minute: int
    now_us: Callable[[], int]
    _log: deque[int] = field(default_factory=deque)
    _paused_until_us: int = 0

    def admit(self, datum: str, families: tuple[str, ...], *, reserved: bool, deadline: Deadline) -> Permit:
        """Leave to fetch; raises BudgetSpent over the static share."""
        permit = Permit(self, datum, "", families, families[0], 0, reserved, 0, deadline)
        self.spend(permit, families)
        permit.stamp_us = self.now_us()
        return permit

    def spend(self, permit: Permit, families: Sequence[str]) -> str:
        """Take one call from the static share."""
        del permit
        now, share = self.now_us(), max(1, self.per_minute // STATIC_SANDBOXES)
        while self._log and self._log[0] <= now - WINDOW_US:
            self._log.popleft()
        if now < self._paused_until_us:
            raise budget_spent(self._paused_until_us - now)
        if len(self._log) >= share:
            raise budget_spent(self._log[0] + WINDOW_US - now)
        self._log.append(now)
        return families[0]

    def tell(self, permit: Permit) -> None:
        """There is nobody to tell."""

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """See dekr.gate.permit.Keeper.returned."""
        del permit
        self._log.pop()
        return ()

    def settled(self, permit: Permit, word: str, life_ms: int) -> tuple[Command, ...]:
        """There is nobody who waits; a pause holds for this sandbox."""
        del word, life_ms
        if permit.pause_us:
            self._paused_until_us = self.now_us() + permit.pause_us
        return ()
