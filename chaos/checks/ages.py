"""No answer is older than its reader's tier allows, unless it is labelled stale and within the stale window.

The age of an answer is judged by when the upstream handed its value out, as the proxy in front of the upstream saw it;
the answer's own Age header is only compared with that. If a value was handed out more than once, the last time counts.
A fetch that started after the call for the value cannot have brought it, so the entry is at least that old.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from chaos.history import Answer, History, Value, Violation

SECOND_US: Final = 1_000_000
MAX_FETCH_US: Final = 20 * SECOND_US
"""The longest time from permission to fetch until the last attempt's call arrives, suspension of the holder included."""

REAL_TIME_S: Final = {1: 3600, 2: 900, 3: 900, 4: 300, 5: 300, 6: 60, 7: 30}
"""The largest age of real-time data by tier, in seconds, in the regular session. A run stays in that session."""

NEWS_S: Final = {1: 7200, 2: 1800, 3: 1800, 4: 900, 5: 900, 6: 300, 7: 300}
"""The largest age of news by tier, in seconds."""


def ages(history: History) -> Iterator[Violation]:
    """Yield the answers that are too old, of unknown origin, or wrong about their age."""
    handed_out: dict[Value, list[int]] = defaultdict(list)
    for handout in history.handouts:
        handed_out[handout.value].append(handout.arrived_us)
    for answer in history.answers:
        if answer.status == 200:  # noqa: PLR2004 - OK
            yield from _check_answer(history, answer, handed_out)


def allowed_s(answer: Answer) -> int:
    """Return the largest age that the answer may have, in seconds."""
    return (NEWS_S if answer.route == "news" else REAL_TIME_S)[answer.tier]


def _check_answer(history: History, answer: Answer, handed_out: dict[Value, list[int]]) -> Iterator[Violation]:
    allowed_us = (allowed_s(answer) + (history.stale_s if answer.stale else 0)) * SECOND_US
    oldest_us = 0
    shown = history.timeline.shown_between(answer.start_us, answer.end_us)
    handed_out_us = [[at for at in handed_out[value] if at <= answer.end_us] for value in answer.values]
    for value, times in zip(answer.values, handed_out_us, strict=True):
        if not times:
            yield Violation("nothing is made up", f"{value} was never handed out: {answer}")
            continue
        last_us = max(times)
        age_us = shown[0] - history.timeline.latest(last_us - MAX_FETCH_US, last_us)
        oldest_us = max(oldest_us, age_us)
        if age_us >= allowed_us:
            yield Violation(
                "no answer is too old",
                f"{value} was {age_us / SECOND_US:.3f} s old, allowed {allowed_us / SECOND_US:.0f} s: {answer}",
            )
    if answer.age_s is None:
        if answer.values:
            yield Violation("answers say how old they are", f"no Age: {answer}")
        return
    # An answer that a ticker is unknown has an age limit of its own, and a jump of the clock during the request does not
    # make the answer older.
    if not answer.unknown and answer.age_s * SECOND_US - (shown[1] - shown[0]) >= allowed_us:
        yield Violation("no answer is too old", f"by its own Age, allowed {allowed_us / SECOND_US:.0f} s: {answer}")
    if (answer.age_s + 1) * SECOND_US < oldest_us:
        yield Violation("answers say how old they are", f"it was {oldest_us / SECOND_US:.3f} s old: {answer}")
    if len(handed_out_us) == 1 and handed_out_us[0]:
        # All times count, not only the first: if the clock was set back in between, a later one may be earlier on it.
        begun_us = min(history.timeline.earliest(at - MAX_FETCH_US, at) for at in handed_out_us[0])
        if answer.age_s * SECOND_US > max(0, shown[1] - begun_us):
            yield Violation("answers say how old they are", f"nothing was asked so early: {answer}")
