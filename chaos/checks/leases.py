"""No two leases on one datum live at once: two fetches of it overlap at the upstream only where the first one's lease had run
out, or was lost with the store's data. Fetches made without the store have no lease.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from chaos.history import Call, History, Violation

LONGEST_DELAY_US: Final = 20_000_000
"""From leave to fetch until the call arrives, a pause of the holder included."""

SLACK_US: Final = 50_000
"""The end of a call is seen a little after its caller has left it."""


@dataclass(frozen=True, slots=True)
class Holding:
    """All calls of one holder: the lease was granted at some moment in [``first_us``, ``last_us``]."""

    first_us: int
    last_us: int
    arrived_us: int
    ended_us: int
    calls: tuple[Call, ...]


def leases(history: History) -> Iterator[Violation]:
    """Pairs of fetches whose leases lived at once."""
    of_datum: dict[str, dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in history.calls:
        if not call.alone:
            of_datum[call.datum][call.token].append(call)
    for datum, tokens in of_datum.items():
        held = sorted((_holding(history, calls) for calls in tokens.values()), key=lambda held: held.arrived_us)
        for one, other in combinations(held, 2):
            if other.arrived_us >= one.ended_us - SLACK_US:
                continue
            if _both_live(history, one, other):
                yield Violation("no two leases live at once", f"{datum}: {one.calls} and {other.calls}")


def _holding(history: History, calls: list[Call]) -> Holding:
    arrived_us = min(call.arrived_us for call in calls)
    granted_us = history.timeline.machine(calls[0].granted_us, arrived_us - LONGEST_DELAY_US, arrived_us)
    return Holding(*granted_us, arrived_us, max(call.ended_us for call in calls), tuple(calls))


def _both_live(history: History, one: Holding, other: Holding) -> bool:
    """Whether the second lease was granted while the first lived for certain."""
    early, late = (one, other) if one.last_us <= other.first_us else (other, one)
    if history.losses(early.first_us, late.last_us):
        return False
    return late.last_us < early.first_us + early.calls[0].lease_ms * 1000
