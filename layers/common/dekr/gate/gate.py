"""The gate to the upstream: at most one fetch per datum, only what the plan includes, breaker closed, within the budget.

One script decides all of it at once, so that a granted fetch has everything and a refused one has taken nothing. Its keys
share one hash slot: without that slot there is no upstream budget either. The budget is a log of calls, strict in every
window of 60 s. A 429 from the upstream pauses all calls for a while. A log of each user's calls keeps the last quarter of the
budget for others than the user who has made most of the calls (ADR 0018).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dekr.cache import keys
from dekr.errors import DekrError, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, UpstreamUnreachable
from dekr.gate.call import Family
from dekr.gate.permit import BreakerReport, FetchOutcome, Permit, budget_spent, not_entitled, share_spent
from dekr.gate.request import FetchRequest
from dekr.gate.scripts import ADMIT, SETTLE, STATE
from dekr.store import Command, Store, call, plain

WINDOW_US: Final = 61_000_000
"""The window of the budget: a minute, and a second more, because a call arrives a little after it was granted."""

UPPER_TIERS_SHARE: Final = 0.2
"""The fraction of the budget that only tiers with ``reserved`` may use."""

DENIAL_FIELDS: Final = ("denied", "denials", "only", "suspect", "suspected")
"""The fields in which ``settle.lua`` keeps, in a family's hash, what the plan is believed to lack."""

WRITE_CHECK_MS: Final = 60_000
"""The key by which a write is tried out lives for so long."""

OTHERS_FETCH: Final = "another request's fetch failed"
"""The fault of an error that another request met: that request's log line names the cause."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The decision that somebody else is fetching this datum: wait."""


@dataclass(frozen=True, slots=True)
class Done:
    """The decision that somebody else has just fetched this datum: read it again. ``now_us``: the store's clock."""

    now_us: int


@dataclass(frozen=True, slots=True)
class FamilyState:
    """The state of an endpoint family, all moments in microseconds on the store's clock and 0 where there is none.

    ``open_until_us``: the moment until which its breaker keeps calls away, or did, where none has succeeded since.
    ``denied_until_us``: the moment until which it is left alone because the plan is believed to lack it, or was, where none has
    succeeded since. ``succeeded_us``: its last answer with data. ``unreachable_us``: its last call, if that found no connection.
    """

    family: Family
    open_until_us: int
    denied_until_us: int
    succeeded_us: int
    unreachable_us: int


type Decision = Permit | Wait | Done


class FetchGate(Protocol):
    """Decides who may fetch: the gate that all sandboxes share, or one that grants a part of its budget."""

    def admit(self, request: FetchRequest, *, reread: bool = False) -> Decision:
        """Decide whether this sandbox may make a fetch now. Raises what Gate.admit raises."""
        ...

    def join(self, permit: Permit, request: FetchRequest) -> Decision:
        """Decide on another request with the call that a permit has paid and not made. Raises what ``admit`` raises."""
        ...

    def denied(self, family: Family, now_us: int) -> bool:
        """Whether the upstream plan is known to lack the family at this moment. Raises StoreDown."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """The gate that all sandboxes share, for an upstream plan with ``per_minute`` calls a minute. ``token`` makes unique tokens."""

    store: Store
    per_minute: int
    token: Callable[[], str]

    def admit(self, request: FetchRequest, *, reread: bool = False) -> Decision:
        """Decide whether this sandbox may make the fetch now.

        ``reread``: the datum was read again after another fetch and is still not new enough. Raises BudgetSpent,
        UpstreamDown (breaker open, or a failure just seen by somebody else), UpstreamNotEntitled, UpstreamInvalid (seen by
        somebody else), StoreDown; ShareSpent, a BudgetSpent, where the rest of the budget is kept for others than the user.
        """
        return self._admit(request, self.token(), FetchOutcome(), reread=reread)

    def join(self, permit: Permit, request: FetchRequest) -> Decision:
        """Decide on another request with the call that the permit may have paid and not made; where somebody else is at that
        fetch, the call is given back. Both count into one outcome. Raises what ``admit`` raises; the permit keeps its lease.
        """
        decision = self._admit(request, permit.token, permit.outcome, reread=False)
        permit.paid = False
        return decision

    def _admit(self, request: FetchRequest, token: str, outcome: FetchOutcome, *, reread: bool) -> Decision:
        now, verdict, detail = self._decide(
            request, token, request.families, floor_us=request.floor_us, number=outcome.calls + 1, reread=reread
        )
        if verdict == b"wait":
            return Wait()
        if verdict == b"done":
            return Done(now)
        return Permit(self, request, token, _granted(now, verdict, detail, request.families), now, outcome)

    def spend(self, permit: Permit, families: Sequence[Family]) -> Family:
        """Take one more call for a permit, renew its lease and return the family to call. Raises what ``admit`` raises."""
        now, verdict, detail = self._decide(
            permit.request,
            permit.token,
            families,
            floor_us=permit.stamp_us,
            number=permit.outcome.calls + 1,
            reread=True,
            covered=False,
        )
        return _granted(now, verdict, detail, families)

    def report(self, permit: Permit) -> None:
        """Tell the breakers what was observed so far, and keep the lease."""
        self.store.run(*permit.renewed())

    def settled(self, permit: Permit, message: str, life_ms: int) -> tuple[Command, ...]:
        """The commands that end a fetch, leave a ``message`` for those who wait and tell the breakers what was observed."""
        report, permit.unreported = permit.unreported, BreakerReport()
        words = [word for family in report.families.values() for word in family.words()]
        names = [family.name for family in report.families]
        touched = keys.settlement(self._prefix, permit.request.lease, names)
        return (call(SETTLE, touched, permit.token, message, life_ms, report.pause_us, *words),)

    def returned(self, permit: Permit) -> tuple[Command, ...]:
        """The commands that give back the call that was paid and not made."""
        logs = dict.fromkeys(keys.calls(self._prefix, user) for user in ("", permit.request.user))
        return tuple(plain("ZREM", log, f"{permit.token}:{permit.outcome.calls + 1}") for log in logs)

    def state(self, families: Sequence[Family], *, by_writing: bool = False) -> tuple[int, list[FamilyState]]:
        """The store's clock (microseconds) and the state of the families. ``by_writing``: write to the store, too, which shows that
        it takes leases and limits. Raises StoreDown.
        """
        touched = [keys.family(self._prefix, family.name) for family in families]
        written = [plain("SET", keys.write_check(self._prefix), 1, "PX", WRITE_CHECK_MS)] if by_writing else []
        now, *words = self.store.run(call(STATE, touched), *written)[0]
        each = zip(*[map(int, words)] * 4, strict=True)
        return now, [FamilyState(family, *moments) for family, moments in zip(families, each, strict=True)]

    def denied(self, family: Family, now_us: int) -> bool:
        """Whether the upstream plan is believed to lack the family at this moment, for all tickers. Raises StoreDown."""
        ((until, only),) = self.store.run(plain("HMGET", keys.family(self._prefix, family.name), "denied", "only"))
        return until is not None and only is None and int(until) > now_us

    def forget_denials(self, families: Sequence[Family]) -> list[str]:
        """Forget what the plan is believed to lack, and suspicions of it; returns the names of the families that had any. They are
        tried again at once. Raises StoreDown.
        """
        touched = [keys.family(self._prefix, family.name) for family in families]
        counts = self.store.run(*(plain("HDEL", key, *DENIAL_FIELDS) for key in touched))
        return [family.name for family, count in zip(families, counts, strict=True) if count]

    def _decide(
        self,
        request: FetchRequest,
        token: str,
        families: Sequence[Family],
        *,
        floor_us: int,
        number: int,
        reread: bool,
        covered: bool = True,
    ) -> tuple[int, bytes, Any]:
        allowed = calls_allowed(self.per_minute, reserved=request.reserved)
        to_make = min(max(1, request.calls - number + 1), allowed)
        names, covered_by = [family.name for family in families], request.covered_by if covered else None
        touched = keys.decision(self._prefix, request.lease, request.user, names, covered_by)
        args = (token, request.lease_ms, f"{floor_us:016d}", allowed, WINDOW_US, number, to_make, int(reread))
        (reply,) = self.store.run(call(ADMIT, touched, *args))
        now, verdict, detail = reply
        return now, verdict, detail

    @property
    def _prefix(self) -> str:
        return self.store.prefix


def calls_allowed(per_minute: int, *, reserved: bool) -> int:
    """The calls in a window (at least one) that a request may use of a plan of ``per_minute`` calls a minute. ``reserved``: whether
    the part that is kept for the upper tiers is among them.
    """
    return per_minute if reserved else max(1, int(per_minute * (1 - UPPER_TIERS_SHARE)))


def _granted(now: int, verdict: bytes, detail: Any, families: Sequence[Family]) -> Family:  # noqa: ANN401 - a script's reply
    """The family in the script's decision. Raises the error that a refusal stands for."""
    match verdict:
        case b"go":
            return families[int(detail) - 1]
        case b"spent":
            raise budget_spent(int(detail) - now, "budget of all sandboxes, or a pause after status 429")
        case b"share":
            raise share_spent(int(detail) - now)
        case b"denied":
            raise not_entitled("known from an earlier call")
        case b"open":
            seconds = max(1.0, (int(detail) - now) / 1e6)
            text = "The data provider is failing; calls to it are paused."
            raise UpstreamDown(text, retry_after_s=seconds, fault="breaker open")
        case b"unreachable":
            raise UpstreamUnreachable(retry_after_s=max(1.0, (int(detail) - now) / 1e6), fault="breaker open")
        case b"failed":
            raise _failure(detail.decode())
        case _:
            # Another sandbox took over the lease while this one was slow: its fetch counts, not this one.
            text = "Getting the data took too long. Please try again."
            raise UpstreamDown(text, retry_after_s=1.0, fault="lease lost to another sandbox")


def _failure(code: str) -> DekrError:
    """Rebuild the error with which the awaited fetch ended, from its code."""
    if code == UpstreamInvalid.code:
        return UpstreamInvalid("The data provider has just sent an answer that cannot be used.", fault=OTHERS_FETCH)
    if code == UpstreamNotEntitled.code:
        return not_entitled(OTHERS_FETCH)
    if code == UpstreamUnreachable.code:
        return UpstreamUnreachable(retry_after_s=1.0, fault=OTHERS_FETCH)
    text = "The data provider has just failed to answer."
    return UpstreamDown(text, retry_after_s=1.0, code=code, fault=OTHERS_FETCH)
