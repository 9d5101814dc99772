"""The health check: the store, each endpoint family of the upstream, and the clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dekr.errors import StoreDown, Unavailable
from dekr.gate.call import Family
from dekr.gate.gate import FamilyState, Gate
from dekr.models.operations import EndpointHealth, Health
from dekr.passed_over import PassedOver
from dekr.times import rfc3339

CLOCK_DRIFT_MS: Final = 2_000
"""Where this machine's clock and the store's are farther apart than this, they cannot both be right."""


class StoreState(StrEnum):
    """What the store does."""

    UP = "up"
    READ_ONLY = "read_only"
    DOWN = "down"


class EndpointState(StrEnum):
    """What is known of an endpoint family."""

    UP = "up"
    FAILING = "failing"
    """Its breaker is open, or has been and no call has succeeded since."""
    UNREACHABLE = "unreachable"
    """Its last call found no connection."""
    DENIED = "denied"
    """The plan is believed to lack it."""
    UNUSED = "unused"
    """No call is remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class HealthCheck:
    """Checks what every answer depends on: the store, the clocks, and these endpoint ``families``. ``now_us`` is this machine's
    clock; ``passed_over`` collects why it cannot serve.
    """

    gate: Gate
    now_us: Callable[[], int]
    families: Sequence[Family]
    passed_over: PassedOver

    def check(self) -> tuple[bool, Health]:
        """Return whether the service can serve, and the state of its parts.

        It cannot while the store is out of reach or refuses writes (only copies in single sandboxes are left then) or the clocks
        disagree; a failing upstream alone still leaves the cache, and the state is then ``degraded``.
        """
        store = StoreState.UP
        try:
            now_us, states = self.gate.state(self.families, by_writing=True)
        except StoreDown as error:
            self.passed_over.note(error)
            try:
                now_us, states = self.gate.state(self.families)
            except StoreDown:
                return False, self._health(StoreState.DOWN, None, (), 0)
            store = StoreState.READ_ONLY
        drift_ms = (self.now_us() - now_us) // 1000
        agree = abs(drift_ms) <= CLOCK_DRIFT_MS
        if not agree:
            text = "This machine's clock and the store's disagree."
            self.passed_over.note(Unavailable(text, retry_after_s=1, fault=f"the clocks disagree by {drift_ms} ms"))
        serves = agree and store is StoreState.UP
        return serves, self._health(store, drift_ms, states, now_us, serves=serves)

    def forget_denials(self) -> list[str]:
        """Forget which families the plan is believed to lack, so that they are tried at once; returns their names.

        Raises StoreDown.
        """
        return self.gate.forget_denials(self.families)

    def _health(
        self,
        store: StoreState,
        drift_ms: int | None,
        states: Sequence[FamilyState],
        now_us: int,
        *,
        serves: bool = False,
    ) -> Health:
        # All families are of one host: what one of them has reached since, all can reach.
        reached_us = max((each.succeeded_us for each in states), default=0)
        found = [(each, _state(each, reached_us)) for each in states]
        status = "degraded" if any(_is_troubled(known, state) for known, state in found) else "ok"
        return Health(
            status=status if serves else "unavailable",
            store=store,
            upstream="unknown" if store is StoreState.DOWN else _upstream(found),
            endpoints={known.family.name: _endpoint(known, state, now_us) for known, state in found},
            clock_offset_ms=drift_ms,
            time=rfc3339(self.now_us() * 1000),
        )


def _state(known: FamilyState, reached_us: int) -> EndpointState:
    """The state of a family, where any of the families has last brought data at ``reached_us``."""
    if known.unreachable_us > reached_us:
        return EndpointState.UNREACHABLE
    if known.denied_until_us:
        return EndpointState.DENIED
    if known.open_until_us:
        return EndpointState.FAILING
    return EndpointState.UP if known.succeeded_us else EndpointState.UNUSED


def _is_troubled(known: FamilyState, state: EndpointState) -> bool:
    """Whether something is wrong with the family: a plan that never included it is as it should be."""
    lost = state is EndpointState.DENIED and known.succeeded_us > 0
    return lost or state in (EndpointState.FAILING, EndpointState.UNREACHABLE)


def _upstream(found: Sequence[tuple[FamilyState, EndpointState]]) -> str:
    """The state of the upstream in one line, with the names of the families that fail."""
    if any(state is EndpointState.UNREACHABLE for _, state in found):
        return EndpointState.UNREACHABLE
    failing = [known.family.name for known, state in found if state is EndpointState.FAILING]
    return f"failing: {', '.join(failing)}" if failing else "up"


def _endpoint(known: FamilyState, state: EndpointState, now_us: int) -> EndpointHealth:
    until_us = max(known.open_until_us, known.denied_until_us)
    return EndpointHealth(
        state=state,
        until=rfc3339(until_us * 1000) if until_us > now_us else None,
        last_success=rfc3339(known.succeeded_us * 1000) if known.succeeded_us else None,
    )
