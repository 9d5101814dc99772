"""Every request gets an expected answer within its deadline, and every request after the last fault succeeds.

Time during which the sandbox was ready to run, and the machine had no processor for it, does not count.
"""

from collections.abc import Iterator
from typing import Final

from chaos.history import History, Violation
from chaos.trace import UNKNOWN

EXPECTED: Final = (200, 404, 429, 502, 503, 504)
OK: Final = 200


def answered(history: History) -> Iterator[Violation]:
    """Yield the requests that were not answered in time, or with an unexpected status."""
    for answer in history.answers:
        if answer.late_us > answer.stalled_us and not history.stopped_in(answer):
            yield Violation(
                "every request is answered in time", f"it was {answer.late_us / 1000:.0f} ms late: {answer}"
            )
        if answer.status not in EXPECTED:
            yield Violation("no answer is an accident", f"{answer}")
        if not set(answer.unknown) <= set(UNKNOWN):
            yield Violation("what exists is not denied", f"{answer}")
    for worker in history.unfinished:
        yield Violation("every request is answered in time", f"{worker} did not come to its end")


def recovered(history: History) -> Iterator[Violation]:
    """Yield the requests that failed after the last fault, and the workers without any."""
    for answer in history.answers:
        if answer.recovery and (answer.status != OK or answer.stale):
            yield Violation("the service recovers", f"{answer}")
    seen = {answer.worker for answer in history.answers if answer.recovery}
    for worker in history.workers:
        if worker not in seen:
            yield Violation("the service recovers", f"{worker} answered nothing after the last fault")
