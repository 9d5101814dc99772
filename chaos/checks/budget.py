"""No window of 60 s holds more calls than the budget, once more for each loss of the store's data in that window.

A call made without the store counts against the static share of its sandbox instead.

The moment at which a call counts is not known exactly: it is granted before it arrives, and the clock may jump in
between. Steps back of the clock are left out, because nobody's window may become shorter by them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.history import Call, History, Violation

WINDOW_US: Final = 60_000_000
MAX_UNDER_WAY_US: Final = 2_000_000
"""The longest time from the grant of a call to its arrival: a new sandbox loads its HTTP client before its first call."""

SANDBOXES: Final = 20
"""Without the store each sandbox may use the budget divided by this number."""


def budget(history: History) -> Iterator[Violation]:
    """Yield the windows with too many calls."""
    with_store = [call for call in history.calls if not call.without_store]
    yield from _excess(history, with_store, history.per_minute, "the budget")
    without_store: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        if call.without_store:
            without_store[call.worker].append(call)
    static_share = max(1, history.per_minute // SANDBOXES)
    for worker, calls in without_store.items():
        yield from _excess(history, calls, static_share, f"the static share of {worker}", counts_losses=False)


def _excess(
    history: History, calls: Sequence[Call], allowed: int, owner: str, *, counts_losses: bool = True
) -> Iterator[Violation]:
    timeline = history.timeline.without_steps_back()
    at = [(timeline.shown_between(_earliest_grant_us(history, call), call.arrived_us), call) for call in calls]
    for (first_us, _), first in at:
        inside = [call for (low_us, high_us), call in at if first_us <= low_us and high_us < first_us + WINDOW_US]
        times = [first.arrived_us, *(call.arrived_us for call in inside)]
        lost = history.losses(min(times) - MAX_UNDER_WAY_US, max(times)) if counts_losses else 0
        limit = allowed * (1 + lost)
        if len(inside) > limit:
            listed = ", ".join(
                f"{c.path} at {timeline.latest(c.arrived_us, c.arrived_us)} by {c.token}" for c in inside
            )
            yield Violation("the budget holds", f"{len(inside)} calls in 60 s, {owner} is {limit}: {listed}")
            return


def _earliest_grant_us(history: History, call: Call) -> int:
    """Return the earliest moment at which the call can have been granted, in microseconds of this machine's clock."""
    since_us = call.arrived_us - MAX_UNDER_WAY_US
    granted_us = history.timeline.machine_time(call.granted_us, since_us, call.arrived_us)[0]
    suspensions = [t for t in history.fault_intervals if t.worker == call.worker and t.lane == "process"]
    suspended_us = [t.from_us - MAX_UNDER_WAY_US for t in suspensions if since_us <= t.until_us <= call.arrived_us]
    return min([granted_us, *suspended_us])
