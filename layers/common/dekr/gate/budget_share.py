"""The gate for a caller who may only use a part of the upstream budget, such as the warmer.

Every call stands in two logs: in the one of all, and in this caller's own. Both are strict in every window, so however
often the caller runs, and however many of it at once, its part is never exceeded; and where readers need the whole
budget, it gets nothing of it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dekr.cache import keys
from dekr.deadline import Deadline
from dekr.errors import DekrError, StoreDown
from dekr.gate.gate import WINDOW_US, Done, Gate, Wait
from dekr.gate.permit import Permit, budget_spent
from dekr.store import Command, call, load_script, plain

_SHARE: Final = load_script(__package__, "budget_share")


@dataclass(slots=True)
class BudgetShare:
    """A gate that grants at most ``most`` calls a minute to all who share the ``name``; ``calls`` counts those of this one."""

    gate: Gate
    name: str
    most: int
    calls: int = 0

    @property
    def per_minute(self) -> int:
        """Calls a minute of the plan."""
        return self.gate.per_minute

    def admit(
        self,
        datum: str,
        families: tuple[str, ...],
        *,
        floor_us: int,
        reserved: bool,
        lease_ms: int,
        deadline: Deadline,
        reread: bool = False,
        covered_by: str | None = None,
    ) -> Permit | Wait | Done:
        """See Gate.admit. Raises BudgetSpent where this caller's part is used up."""
        token = self._take()
        try:
            admitted = self.gate.admit(
                datum,
                families,
                floor_us=floor_us,
                reserved=reserved,
                lease_ms=lease_ms,
                deadline=deadline,
                reread=reread,
                covered_by=covered_by,
            )
        except DekrError:
            self._give_back(token)
            raise
        if isinstance(admitted, Permit):
            admitted.gate = self
        else:
            self._give_back(token)
        return admitted

    def spend(self, permit: Permit, families: Sequence[str]) -> str:
        """See Gate.spend. Raises BudgetSpent where this caller's part is used up."""
        token = self._take()
        try:
            return self.gate.spend(permit, families)
        except DekrError:
            self._give_back(token)
            raise

    def join(self, permit: Permit, datum: str, families: tuple[str, ...], lease_ms: int) -> Permit | Wait | Done:
        """See Gate.join: its call is paid already."""
        return self.gate.join(permit, datum, families, lease_ms)

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """See dekr.gate.permit.Keeper.returned; in this caller's own part the call stays."""
        return self.gate.returned(permit)

    def denied(self, family: str, now_us: int) -> bool:
        """See Gate.denied."""
        return self.gate.denied(family, now_us)

    def tell(self, permit: Permit) -> None:
        """See Gate.tell."""
        self.gate.tell(permit)

    def settled(self, permit: Permit, word: str, life_ms: int) -> tuple[Command, ...]:
        """See dekr.gate.permit.Keeper.settled."""
        return self.gate.settled(permit, word, life_ms)

    def _take(self) -> str:
        token = self.gate.token()
        ((now_us, until_us),) = self.gate.store.run(call(_SHARE, [self._key], token, self.most, WINDOW_US))
        if until_us:
            raise budget_spent(until_us - now_us)
        self.calls += 1
        return token

    def _give_back(self, token: str) -> None:
        self.calls -= 1
        with suppress(StoreDown):
            self.gate.store.run(plain("ZREM", self._key, token))

    @property
    def _key(self) -> str:
        return keys.budget_share(self.gate.store.prefix, self.name)
