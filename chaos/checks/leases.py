"""No two leases on one datum live at once.

Two fetches of a datum overlap at the upstream only if the first one's lease had ended, or was lost with the store's
data. Fetches made without the store have no lease.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from chaos.history import Call, History, Violation

MAX_DELAY_US: Final = 20_000_000
"""The longest time from permission to fetch until the call arrives, suspension of the holder included."""

SLACK_US: Final = 50_000
"""The end of a call is recorded up to this much after its caller has left it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """All calls made under one lease, which was granted at some moment between ``first_us`` and ``last_us``."""

    first_us: int
    last_us: int
    arrived_us: int
    ended_us: int
    calls: tuple[Call, ...]


def leases(history: History) -> Iterator[Violation]:
    """Yield the pairs of fetches whose leases lived at once."""
    calls_by_datum: dict[str, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in history.calls:
        if not call.without_store:
            calls_by_datum[call.datum][call.token].append(call)
    for datum, tokens in calls_by_datum.items():
        holdings = sorted(
            (_holding(history, calls) for calls in tokens.values()), key=lambda holding: holding.arrived_us
        )
        for first, second in combinations(holdings, 2):
            if second.arrived_us >= first.ended_us - SLACK_US:
                continue
            if _both_live(history, first, second):
                yield Violation("no two leases live at once", f"{datum}: {first.calls} and {second.calls}")


def _holding(history: History, calls: list[Call]) -> Holding:
    arrived_us = min(call.arrived_us for call in calls)
    granted_us = history.timeline.machine_time(calls[0].granted_us, arrived_us - MAX_DELAY_US, arrived_us)
    return Holding(*granted_us, arrived_us, max(call.ended_us for call in calls), tuple(calls))


def _both_live(history: History, first: Holding, second: Holding) -> bool:
    """Return whether the second lease was certainly granted while the first lived."""
    early, late = (first, second) if first.last_us <= second.first_us else (second, first)
    if history.losses(early.first_us, late.last_us):
        return False
    return late.last_us < early.first_us + early.calls[0].lease_ms * 1000
