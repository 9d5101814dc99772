"""The text that a run prints."""

from collections import Counter
from collections.abc import Iterator

from chaos.history import Answer, History, Violation

MAX_SHOWN = 5
"""The number of violations of one invariant that are shown."""


def kind_of(answer: Answer) -> str:
    """Return the kind of an answer: fresh, stale, unknown (no such ticker) or refused."""
    if answer.status == 200:  # noqa: PLR2004 - OK
        return "stale" if answer.stale else "fresh"
    return "unknown" if answer.status == 404 else "refused"  # noqa: PLR2004 - Not Found


def report(history: History, broken_invariants: list[Violation]) -> Iterator[str]:
    """Yield the lines of the report: counts, then each violated invariant with evidence."""
    answers, calls = history.answers, history.calls
    kinds = Counter(kind_of(answer) for answer in answers)
    yield f"requests    {len(answers)}: " + _counts(kinds)
    refused = Counter(f"{a.status} {a.code}" for a in answers if kind_of(a) == "refused")
    yield "refused     " + _counts(refused)
    without_store = sum(call.without_store for call in calls)
    yield f"upstream    {len(calls)} calls, {without_store} of them without the store, budget {history.per_minute} a minute"
    injected = Counter(t.kind for t in history.fault_intervals if t.kind != "store not reached")
    yield f"faults      {injected.total()}: " + _counts(injected)
    yield "stalls      " + _stalls(history)
    yield f"losses      {sum(t.loss for t in history.fault_intervals)} of the store's data"
    yield f"entries     {len({s.key for s in history.samples if s.stamp_us})} watched in {len(history.samples)} samples"
    broken = Counter(violation.invariant for violation in broken_invariants)
    for invariant, count in broken.items():
        yield f"VIOLATED    {invariant}: {count} times"
        shown = [violation for violation in broken_invariants if violation.invariant == invariant][:MAX_SHOWN]
        yield from (f"            {violation.evidence}" for violation in shown)
    yield "every invariant held" if not broken_invariants else f"{len(broken)} invariants did not hold"


def _stalls(history: History) -> str:
    """Return how long the sandboxes waited for a processor, and how much lateness that excused."""
    waited_us = sum(answer.stalled_us for answer in history.answers)
    excused = [a for a in history.answers if 0 < a.late_us <= a.stalled_us and not history.stopped_in(a)]
    late_us = sum(answer.late_us for answer in excused)
    return f"{waited_us // 1000} ms without a processor; {len(excused)} answers late by no more, {late_us // 1000} ms in all"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "none"
