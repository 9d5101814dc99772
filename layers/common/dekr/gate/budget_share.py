"""The gate for a caller who may only use a part of the upstream budget, such as the warmer.

Every call is entered in two logs: that of all callers and this caller's own. Both are strict in every window, so however often
the caller runs, and in however many sandboxes at once, its part is never exceeded; and where readers need the whole budget, it
gets nothing of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dekr.cache import keys
from dekr.errors import DekrError, StoreDown
from dekr.gate.call import Attempt, Family
from dekr.gate.gate import WINDOW_US, Decision, Gate
from dekr.gate.permit import FetchOutcome, Permit, budget_spent
from dekr.gate.request import FetchRequest
from dekr.gate.scripts import CALL_LOG, LIMITS
from dekr.passed_over import PassedOver
from dekr.store import Command, call, load_script, plain

_BUDGET_SHARE: Final = load_script(__package__, "budget_share", CALL_LOG, **LIMITS)


@dataclass(slots=True, eq=False)
class BudgetShare:
    """A gate that grants at most ``max_per_minute`` calls a minute to all who share the ``name``. ``calls`` counts
    those that this sandbox was granted; ``passed_over`` collects failures of the store that change nothing for the caller.
    """

    gate: Gate
    name: str
    max_per_minute: int
    passed_over: PassedOver
    calls: int = 0
    _outcomes: list[FetchOutcome] = field(default_factory=list, init=False)

    @property
    def per_minute(self) -> int:
        """The calls a minute of the whole upstream plan."""
        return self.gate.per_minute

    def admit(self, request: FetchRequest, *, reread: bool = False) -> Decision:
        """Decide whether this caller may make the fetch now. Raises what Gate.admit raises, and BudgetSpent where this
        caller's part is used up.
        """
        token = self._take()
        try:
            # This caller has a part of its own, so its calls are nobody's.
            decision = self.gate.admit(replace(request, user=""), reread=reread)
        except DekrError:
            self._give_back(token)
            raise
        if isinstance(decision, Permit):
            decision.issuer = self
            self._outcomes.append(decision.outcome)
        else:
            self._give_back(token)
        return decision

    def spend(self, permit: Permit, families: Sequence[Family]) -> Family:
        """Take one more call for a permit and return the family to call. Raises what Gate.spend raises, and BudgetSpent where this
        caller's part is used up.
        """
        token = self._take()
        try:
            return self.gate.spend(permit, families)
        except DekrError:
            self._give_back(token)
            raise

    def join(self, permit: Permit, request: FetchRequest) -> Decision:
        """Decide on another request with the call that the permit has paid, which both logs have already."""
        return self.gate.join(permit, replace(request, user=""))

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """The commands that give back the call that was paid and not made; this caller's own log keeps it."""
        return self.gate.returned(permit)

    def denied(self, family: Family, now_us: int) -> bool:
        """Whether the upstream plan is known to lack the family at this moment. Raises StoreDown."""
        return self.gate.denied(family, now_us)

    def report(self, permit: Permit) -> None:
        """Tell the breakers what was observed so far, and keep the lease."""
        self.gate.report(permit)

    def settled(self, permit: Permit, message: str, life_ms: int) -> tuple[Command, ...]:
        """The commands that end a fetch, leave a ``message`` for those who wait and tell the breakers what was observed."""
        return self.gate.settled(permit, message, life_ms)

    def take_attempts(self) -> list[Attempt]:
        """Return the attempts of the fetches that were granted since the last time, and forget them."""
        found = [attempt for outcome in self._outcomes for attempt in outcome.attempts]
        self._outcomes.clear()
        return found

    def _take(self) -> str:
        token = self.gate.token()
        ((now_us, until_us),) = self.gate.store.run(
            call(_BUDGET_SHARE, [self._key], token, self.max_per_minute, WINDOW_US)
        )
        if until_us:
            raise budget_spent(until_us - now_us, f"share of the {self.name}")
        self.calls += 1
        return token

    def _give_back(self, token: str) -> None:
        self.calls -= 1
        try:
            self.gate.store.run(plain("ZREM", self._key, token))
        except StoreDown as error:
            self.passed_over.note(error)

    @property
    def _key(self) -> str:
        return keys.budget_share(self.gate.store.prefix, self.name)
