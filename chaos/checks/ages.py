"""No answer is older than its reader's tier allows, unless it is labelled stale and inside the stale window.

How old an answer is, is judged by when the upstream handed its value out, as the proxy before the upstream saw it: not by
what the answer says of itself, which is only held against it. Where a value was handed out more than once, the last time
counts. A fetch that started later than the value was asked for cannot have brought it, so the entry is at least so old.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from chaos.history import Answer, History, Value, Violation

SECOND_US: Final = 1_000_000
LONGEST_FETCH_US: Final = 20 * SECOND_US
"""From leave to fetch until the last attempt's call arrives, pauses of the holder included."""

REAL_TIME_S: Final = {1: 3600, 2: 900, 3: 900, 4: 300, 5: 300, 6: 60, 7: 30}
NEWS_S: Final = {1: 7200, 2: 1800, 3: 1800, 4: 900, 5: 900, 6: 300, 7: 300}
"""The largest ages in the regular session, in which a run stays."""


def ages(history: History) -> Iterator[Violation]:
    """Answers that are too old, of unknown origin, or wrong about their age."""
    handed: dict[Value, list[int]] = defaultdict(list)
    for handout in history.handouts:
        handed[handout.value].append(handout.arrived_us)
    for answer in history.answers:
        if answer.status == 200:  # noqa: PLR2004 - OK
            yield from _of_answer(history, answer, handed)


def allowed_s(answer: Answer) -> int:
    """How old the answer may be, in seconds."""
    return (NEWS_S if answer.route == "news" else REAL_TIME_S)[answer.tier]


def _of_answer(history: History, answer: Answer, handed: dict[Value, list[int]]) -> Iterator[Violation]:
    most_us = (allowed_s(answer) + (history.stale_s if answer.stale else 0)) * SECOND_US
    oldest_us = 0
    shown = history.timeline.span(answer.start_us, answer.end_us)
    told = [[at for at in handed[value] if at <= answer.end_us] for value in answer.values]
    for value, times in zip(answer.values, told, strict=True):
        if not times:
            yield Violation("nothing is made up", f"{value} was never handed out: {answer}")
            continue
        last_us = max(times)
        age_us = shown[0] - history.timeline.latest(last_us - LONGEST_FETCH_US, last_us)
        oldest_us = max(oldest_us, age_us)
        if age_us >= most_us:
            yield Violation(
                "no answer is too old",
                f"{value} was {age_us / SECOND_US:.3f} s old, allowed {most_us / SECOND_US:.0f} s: {answer}",
            )
    if answer.age_s is None:
        if answer.values:
            yield Violation("answers say how old they are", f"no Age: {answer}")
        return
    # The word that there is no such ticker has an age of its own.
    # A jump of the clock during the request is no age of the answer.
    if not answer.unknown and answer.age_s * SECOND_US - (shown[1] - shown[0]) >= most_us:
        yield Violation("no answer is too old", f"by its own Age, allowed {most_us / SECOND_US:.0f} s: {answer}")
    if (answer.age_s + 1) * SECOND_US < oldest_us:
        yield Violation("answers say how old they are", f"it was {oldest_us / SECOND_US:.3f} s old: {answer}")
    if len(told) == 1 and told[0]:
        # Not only the first time: where the clock was set back since, a later one may be the earlier on it.
        begun_us = min(history.timeline.earliest(at - LONGEST_FETCH_US, at) for at in told[0])
        if answer.age_s * SECOND_US > max(0, shown[1] - begun_us):
            yield Violation("answers say how old they are", f"nothing was asked so early: {answer}")
