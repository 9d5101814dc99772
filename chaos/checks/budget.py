"""No window of 60 s holds more calls than the budget, once more for each loss of the store's data in it. A call made without the
store counts against the static share of its sandbox instead.

When a call counts is not known to the instant: it is granted before it arrives, and the clock may jump in between.
Steps back of the clock are left out: nobody's window may become shorter by them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from chaos.history import Call, History, Violation

WINDOW_US: Final = 60_000_000
UNDERWAY_US: Final = 2_000_000
"""A new sandbox loads its HTTP client before its first call."""

SANDBOXES: Final = 20
"""Without the store each sandbox takes this part of the budget."""


def budget(history: History) -> Iterator[Violation]:
    """Windows with too many calls."""
    together = [call for call in history.calls if not call.alone]
    yield from _over(history, together, history.per_minute, "the budget")
    alone: dict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        if call.alone:
            alone[call.worker].append(call)
    share = max(1, history.per_minute // SANDBOXES)
    for worker, calls in alone.items():
        yield from _over(history, calls, share, f"the static share of {worker}", losable=False)


def _over(
    history: History, calls: Sequence[Call], allowed: int, whose: str, *, losable: bool = True
) -> Iterator[Violation]:
    timeline = history.timeline.without_steps_back()
    at = [(timeline.span(_since_us(history, call), call.arrived_us), call) for call in calls]
    for (first_us, _), first in at:
        inside = [call for (low_us, high_us), call in at if first_us <= low_us and high_us < first_us + WINDOW_US]
        times = [first.arrived_us, *(call.arrived_us for call in inside)]
        lost = history.losses(min(times) - UNDERWAY_US, max(times)) if losable else 0
        most = allowed * (1 + lost)
        if len(inside) > most:
            told = ", ".join(f"{c.path} at {timeline.latest(c.arrived_us, c.arrived_us)} by {c.token}" for c in inside)
            yield Violation("the budget holds", f"{len(inside)} calls in 60 s, {whose} is {most}: {told}")
            return


def _since_us(history: History, call: Call) -> int:
    """Since when the call can have been underway: since it was granted, or since before its holder was stopped."""
    since_us = call.arrived_us - UNDERWAY_US
    granted_us = history.timeline.machine(call.granted_us, since_us, call.arrived_us)[0]
    met = [t for t in history.troubles if t.worker == call.worker and t.lane == "process"]
    stopped_us = [t.from_us - UNDERWAY_US for t in met if since_us <= t.until_us <= call.arrived_us]
    return min([granted_us, *stopped_us])
