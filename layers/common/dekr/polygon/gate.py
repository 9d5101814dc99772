"""The gate to the upstream: at most one fetch per datum, only what the plan includes, breaker closed, within the budget.

One script decides all of it at once, so that a granted fetch has everything and a refused one has taken nothing. Its keys
share one hash slot: without that slot there is no upstream budget either. The budget is a log of calls, strict in every
window of 60 s; one second more is kept because a call arrives a little after it was granted. A 429 from the upstream
pauses all calls for a while.

Where the store cannot be reached the budget fails closed to a small static share of this sandbox alone.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, DekrError, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.polygon.calls import Outcome
from dekr.store import Command, Store, call, load_script

_GATE: Final = load_script(__package__, "gate")
_SETTLE: Final = load_script(__package__, "settle")
_STATE: Final = load_script(__package__, "state")

WINDOW_US: Final = 61_000_000
UPPER_TIERS_SHARE: Final = 0.2
"""The part of the budget that only tiers with ``reserved`` may use."""

COUNTS_AS_SLOW_S: Final = 5.0
"""A call that took longer counts against the breaker even if it succeeded."""

RANGES: Final = ("aggs",)
"""Families whose refusal depends on the range that was asked for (the plan's history ends somewhere): not remembered."""

LONGEST_PAUSE_S: Final = 120.0
"""The gate takes a pause that ends later than this for one that was set before the clock stepped back."""

DONE_MS: Final = 5_000
FAILED_MS: Final = 1_000
STATIC_SANDBOXES: Final = 20
"""Without the store each sandbox assumes that it shares the budget with this many."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else is fetching this datum."""


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody else has just fetched this datum: read it again. ``now_us``: the store's clock."""

    now_us: int


@dataclass(slots=True)
class _Seen:
    good: int = 0
    bad: int = 0
    denied: int = 0


@dataclass(slots=True)
class Permit:
    """Leave to fetch one datum (a ``dekr.polygon.calls.Call``): it holds the lease, and one call is paid already.

    ``stamp_us`` is the moment it was granted, on the store's clock: the start of the fetch. ``family`` is the endpoint
    family to call. ``calls`` and ``seconds`` count what was spent upstream.
    """

    gate: "Gate | LocalGate"
    datum: str
    token: str
    families: tuple[str, ...]
    family: str
    stamp_us: int
    reserved: bool
    lease_ms: int
    deadline: Deadline
    paid: bool = True
    calls: int = 0
    seconds: float = 0.0
    pause_us: int = 0
    seen: dict[str, _Seen] = field(default_factory=dict)

    def spend(self, family: str) -> None:
        """Take one more call from the budget, unless it is paid already. Raises BudgetSpent, UpstreamDown."""
        if not self.paid:
            self.gate.spend(self, (family,))
        self.paid = False
        self.calls += 1

    def observe(self, family: str, outcome: Outcome, seconds: float, pause_s: float = 0.0) -> None:
        """Remember how a call went; the breaker is told when the fetch ends."""
        self.seconds += seconds
        seen = self.seen.setdefault(family, _Seen())
        if outcome in (Outcome.FAILED, Outcome.KEY_REFUSED) or seconds > COUNTS_AS_SLOW_S:
            seen.bad += 1
        elif outcome is Outcome.NOT_ENTITLED and family not in RANGES:
            seen.denied = 1
        elif outcome is Outcome.THROTTLED:
            self.pause_us = int(min(pause_s, LONGEST_PAUSE_S) * 1_000_000)
        else:
            seen.good += 1

    def step_down(self) -> str:
        """The next family to try where the present one gave nothing: refused by the plan, or no price.

        Raises UpstreamNotEntitled after the last.
        """
        self.families = self.families[self.families.index(self.family) + 1 :]
        if not self.families:
            raise _not_entitled()
        self.gate.tell(self)
        self.family = self.gate.spend(self, self.families)
        self.paid = True
        return self.family

    def finished(self) -> Command | None:
        """The command that ends the fetch and tells those who wait to read again."""
        return self.gate.settled(self, f"d:{self.stamp_us:016d}", DONE_MS)

    def given_up(self) -> Command | None:
        """The command that ends the fetch and lets the next one try at once."""
        return self.gate.settled(self, "", FAILED_MS)

    def failed(self, error: DekrError) -> Command | None:
        """The command that ends the fetch. Those who wait share what the upstream did for a moment; what was this
        request's own trouble (its deadline, its share of the budget) lets the next one try.
        """
        shared = isinstance(error, UpstreamDown | UpstreamInvalid | UpstreamNotEntitled)
        return self.gate.settled(self, f"f:{error.code}" if shared else "", FAILED_MS)


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate that all sandboxes share, for a plan with ``per_minute`` calls a minute."""

    store: Store
    per_minute: int
    token: Callable[[], str]

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
    ) -> Permit | Wait | Done:
        """Ask for leave to fetch ``datum`` from the first of ``families`` that the plan is known to include.

        ``floor_us``: a fetch that started after it is new enough. ``reread``: what was fetched meanwhile was read and is
        not enough. Raises BudgetSpent, UpstreamDown (breaker open, or a failure just seen by somebody else),
        UpstreamNotEntitled, UpstreamInvalid (seen by somebody else), StoreDown.
        """
        token = self.token()
        now, word, detail = self._ask(
            datum, token, families, floor_us=floor_us, reserved=reserved, lease_ms=lease_ms, number=1, reread=reread
        )
        if word == b"wait":
            return Wait()
        if word == b"done":
            return Done(now)
        family = _granted(now, word, detail, families)
        return Permit(self, datum, token, families, family, now, reserved, lease_ms, deadline)

    def spend(self, permit: Permit, families: tuple[str, ...]) -> str:
        """Take one more call for a permit and renew its lease; returns the family to call."""
        now, word, detail = self._ask(
            permit.datum,
            permit.token,
            families,
            floor_us=permit.stamp_us,
            reserved=permit.reserved,
            lease_ms=permit.lease_ms,
            number=permit.calls + 1,
            reread=True,
        )
        return _granted(now, word, detail, families)

    def tell(self, permit: Permit) -> None:
        """Tell the breakers what was seen so far, and keep the lease."""
        self.store.run(self.settled(permit, f"h:{permit.token}", permit.lease_ms))

    def settled(self, permit: Permit, word: str, life_ms: int) -> Command:
        """The command that leaves ``word`` for those who wait and reports what was seen."""
        seen, permit.seen = permit.seen, {}
        pause, permit.pause_us = permit.pause_us, 0
        args = [n for s in seen.values() for n in (s.good, s.bad, s.denied)]
        keys = [self._key(f"lease:{permit.datum}"), self._key("pause"), *(self._key(f"family:{f}") for f in seen)]
        return call(_SETTLE, keys, permit.token, word, life_ms, pause, *args)

    def state(self, families: Sequence[str]) -> tuple[int, list[str]]:
        """The store's clock (microseconds) and the families whose breaker is open. Raises StoreDown."""
        ((now, *opens),) = self.store.run(call(_STATE, [self._key(f"family:{family}") for family in families]))
        return now, [family for family, until in zip(families, opens, strict=True) if int(until) > now]

    def _ask(
        self,
        datum: str,
        token: str,
        families: Sequence[str],
        *,
        floor_us: int,
        reserved: bool,
        lease_ms: int,
        number: int,
        reread: bool,
    ) -> tuple[int, bytes, Any]:
        allowed = self.per_minute if reserved else max(1, int(self.per_minute * (1 - UPPER_TIERS_SHARE)))
        keys = [self._key(f"lease:{datum}"), self._key("calls"), self._key("pause")]
        keys += [self._key(f"family:{family}") for family in families]
        (reply,) = self.store.run(
            call(_GATE, keys, token, lease_ms, f"{floor_us:016d}", allowed, WINDOW_US, number, int(reread))
        )
        now, word, detail = reply
        return now, word, detail

    def _key(self, name: str) -> str:
        return f"{self.store.prefix}{{upstream}}:{name}"


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

    def spend(self, permit: Permit, families: tuple[str, ...]) -> str:
        """Take one call from the static share."""
        del permit
        now, share = self.now_us(), max(1, self.per_minute // STATIC_SANDBOXES)
        while self._log and self._log[0] <= now - WINDOW_US:
            self._log.popleft()
        if now < self._paused_until_us:
            raise _budget_spent(self._paused_until_us - now)
        if len(self._log) >= share:
            raise _budget_spent(self._log[0] + WINDOW_US - now)
        self._log.append(now)
        return families[0]

    def tell(self, permit: Permit) -> None:
        """There is nobody to tell."""

    def settled(self, permit: Permit, word: str, life_ms: int) -> None:
        """There is nobody who waits; a pause holds for this sandbox."""
        del word, life_ms
        if permit.pause_us:
            self._paused_until_us = self.now_us() + permit.pause_us


def _granted(now: int, word: bytes, detail: Any, families: Sequence[str]) -> str:  # noqa: ANN401 - a script's reply
    match word:
        case b"go":
            return families[int(detail) - 1]
        case b"spent":
            raise _budget_spent(int(detail) - now)
        case b"denied":
            raise _not_entitled()
        case b"open":
            seconds = max(1.0, (int(detail) - now) / 1e6)
            raise UpstreamDown("The data provider is failing; calls to it are paused.", retry_after_s=seconds)
        case b"failed":
            raise _failure(detail.decode())
        case _:
            # Another sandbox took over the lease while this one was slow: its fetch counts, not this one.
            raise UpstreamDown("Getting the data took too long. Please try again.", retry_after_s=1.0)


def _failure(code: str) -> DekrError:
    """What another request has just met, for one that waited for it."""
    if code == UpstreamInvalid.code:
        return UpstreamInvalid("The data provider has just sent an answer that cannot be used.")
    if code == UpstreamNotEntitled.code:
        return _not_entitled()
    return UpstreamDown("The data provider has just failed to answer.", retry_after_s=1.0, code=code)


def _not_entitled() -> UpstreamNotEntitled:
    return UpstreamNotEntitled("The data plan behind this service does not include this data.")


def _budget_spent(left_us: int) -> BudgetSpent:
    seconds = max(1.0, left_us / 1e6)
    return BudgetSpent("This service's allowance of upstream calls is used up for now.", retry_after_s=seconds)
