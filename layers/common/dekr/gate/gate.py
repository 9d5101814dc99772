"""The gate to the upstream: at most one fetch per datum, only what the plan includes, breaker closed, within the budget.

One script decides all of it at once, so that a granted fetch has everything and a refused one has taken nothing. Its keys
share one hash slot: without that slot there is no upstream budget either. The budget is a log of calls, strict in every
window of 60 s; one second more is kept because a call arrives a little after it was granted. A 429 from the upstream
pauses all calls for a while.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dekr.cache import keys
from dekr.deadline import Deadline
from dekr.errors import DekrError, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit, budget_spent, not_entitled
from dekr.store import Command, Store, call, load_script, plain

_GATE: Final = load_script(__package__, "gate")
_SETTLE: Final = load_script(__package__, "settle")
_STATE: Final = load_script(__package__, "state")

WINDOW_US: Final = 61_000_000
UPPER_TIERS_SHARE: Final = 0.2
"""The part of the budget that only tiers with ``reserved`` may use."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else is fetching this datum."""


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody else has just fetched this datum: read it again. ``now_us``: the store's clock."""

    now_us: int


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
        covered_by: str | None = None,
    ) -> Permit | Wait | Done:
        """Ask for leave to fetch ``datum`` from the first of ``families`` that the plan is known to include.

        ``beside``: another datum whose fetch may bring this one, too; while somebody is at that, there is no leave.
        ``floor_us``: a fetch that started after it is new enough. ``reread``: what was fetched meanwhile was read and is
        not enough. Raises BudgetSpent, UpstreamDown (breaker open, or a failure just seen by somebody else),
        UpstreamNotEntitled, UpstreamInvalid (seen by somebody else), StoreDown.
        """
        ask = Permit(self, datum, self.token(), families, "", 0, reserved, lease_ms, deadline, floor_us)
        return self._admit(ask, number=1, reread=reread, covered_by=covered_by)

    def join(self, permit: Permit, datum: str, families: tuple[str, ...], lease_ms: int) -> Permit | Wait | Done:
        """Ask for leave to fetch ``datum`` in the place of what the permit is for, with the call that the permit may have paid and
        not made; where somebody else fetches it, that is given back. Raises what ``admit`` raises; the permit keeps its lease.
        """
        ask = replace(permit, datum=datum, families=families, lease_ms=lease_ms, paid=True, seen={}, pause_us=0)
        joined = self._admit(ask, number=permit.calls + 1, reread=False)
        permit.paid = False
        return joined

    def _admit(self, ask: Permit, *, number: int, reread: bool, covered_by: str | None = None) -> Permit | Wait | Done:
        now, word, detail = self._ask(
            ask, ask.families, floor_us=ask.floor_us, number=number, reread=reread, covered_by=covered_by
        )
        if word == b"wait":
            return Wait()
        if word == b"done":
            return Done(now)
        ask.family, ask.stamp_us = _granted(now, word, detail, ask.families), now
        return ask

    def spend(self, permit: Permit, families: Sequence[str]) -> str:
        """Take one more call for a permit and renew its lease; returns the family to call."""
        now, word, detail = self._ask(permit, families, floor_us=permit.stamp_us, number=permit.calls + 1, reread=True)
        return _granted(now, word, detail, families)

    def tell(self, permit: Permit) -> None:
        """Tell the breakers what was seen so far, and keep the lease."""
        self.store.run(*permit.renewed())

    def settled(self, permit: Permit, word: str, life_ms: int) -> tuple[Command, ...]:
        """See dekr.gate.permit.Keeper.settled."""
        seen, permit.seen = permit.seen, {}
        pause, permit.pause_us = permit.pause_us, 0
        args = [n for s in seen.values() for n in (s.good, s.bad, s.denied)]
        families = [keys.family(self._prefix, family) for family in seen]
        locks = [keys.lease(self._prefix, permit.datum), keys.pause(self._prefix)]
        return (call(_SETTLE, locks + families, permit.token, word, life_ms, pause, *args),)

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """See dekr.gate.permit.Keeper.returned."""
        return (plain("ZREM", keys.calls(self._prefix), f"{permit.token}:{permit.calls + 1}"),)

    def state(self, families: Sequence[str]) -> tuple[int, list[str]]:
        """The store's clock (microseconds) and the families whose breaker is open. Raises StoreDown."""
        ((now, *opens),) = self.store.run(call(_STATE, [keys.family(self._prefix, family) for family in families]))
        return now, [family for family, until in zip(families, opens, strict=True) if int(until) > now]

    def denied(self, family: str, now_us: int) -> bool:
        """Whether the plan is known to lack the family. Raises StoreDown."""
        (until,) = self.store.run(plain("HGET", keys.family(self._prefix, family), "denied"))
        return until is not None and int(until) > now_us

    def _ask(
        self,
        permit: Permit,
        families: Sequence[str],
        *,
        floor_us: int,
        number: int,
        reread: bool,
        covered_by: str | None = None,
    ) -> tuple[int, bytes, Any]:
        allowed = self.per_minute if permit.reserved else max(1, int(self.per_minute * (1 - UPPER_TIERS_SHARE)))
        prefix = self._prefix
        touched = [keys.lease(prefix, permit.datum), keys.calls(prefix), keys.pause(prefix)]
        touched += [keys.family(prefix, family) for family in families]
        if covered_by:
            touched.append(keys.lease(prefix, covered_by))
        args = (permit.token, permit.lease_ms, f"{floor_us:016d}", allowed, WINDOW_US, number, int(reread))
        (reply,) = self.store.run(call(_GATE, touched, *args, int(covered_by is not None)))
        now, word, detail = reply
        return now, word, detail

    @property
    def _prefix(self) -> str:
        return self.store.prefix


def _granted(now: int, word: bytes, detail: Any, families: Sequence[str]) -> str:  # noqa: ANN401 - a script's reply
    match word:
        case b"go":
            return families[int(detail) - 1]
        case b"spent":
            raise budget_spent(int(detail) - now)
        case b"denied":
            raise not_entitled()
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
        return not_entitled()
    return UpstreamDown("The data provider has just failed to answer.", retry_after_s=1.0, code=code)
