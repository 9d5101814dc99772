"""What a run prints."""

from collections import Counter
from collections.abc import Iterator

from chaos.history import Answer, History, Violation

MOST_SHOWN = 5


def kind_of(answer: Answer) -> str:
    """fresh, stale, unknown (no such ticker), or refused."""
    if answer.status == 200:  # noqa: PLR2004 - OK
        return "stale" if answer.stale else "fresh"
    return "unknown" if answer.status == 404 else "refused"  # noqa: PLR2004 - Not Found


def report(history: History, found: list[Violation]) -> Iterator[str]:
    """The lines: counts, then each invariant that did not hold, with evidence."""
    answers, calls = history.answers, history.calls
    kinds = Counter(kind_of(answer) for answer in answers)
    yield f"requests    {len(answers)}: " + _counts(kinds)
    refused = Counter(f"{a.status} {a.code}" for a in answers if kind_of(a) == "refused")
    yield "refused     " + _counts(refused)
    alone = sum(call.alone for call in calls)
    yield f"upstream    {len(calls)} calls, {alone} of them without the store, budget {history.per_minute} a minute"
    injected = Counter(t.kind for t in history.troubles if t.kind != "store not reached")
    yield f"faults      {injected.total()}: " + _counts(injected)
    yield f"losses      {sum(t.loss for t in history.troubles)} of the store's data"
    yield f"entries     {len({s.key for s in history.samples if s.stamp_us})} watched in {len(history.samples)} samples"
    broken = Counter(violation.invariant for violation in found)
    for invariant, count in broken.items():
        yield f"VIOLATED    {invariant}: {count} times"
        shown = [violation for violation in found if violation.invariant == invariant][:MOST_SHOWN]
        yield from (f"            {violation.evidence}" for violation in shown)
    yield "every invariant held" if not found else f"{len(broken)} invariants did not hold"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "none"
