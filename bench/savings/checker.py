"""An independent look at the recorded history, for data older than the reader's tier allows.

It knows nothing of the service: its table and its sessions are its own, and the age of an answer is told by the answer's
own prices (see ``upstream``).
"""

from dataclasses import dataclass
from typing import Final

MICRO: Final = 1_000_000
REAL_TIME_S: Final = {1: 3600, 2: 900, 3: 900, 4: 300, 5: 300, 6: 60, 7: 30}
HISTORICAL_S: Final = {1: 86400, 2: 3600, 3: 3600, 4: 1800, 5: 1800, 6: 300, 7: 300}
NEWS_S: Final = {1: 7200, 2: 1800, 3: 1800, 4: 900, 5: 900, 6: 300, 7: 300}
LONGEST_EXTENDED_S: Final = 3600
STALE_WINDOW_S: Final = 3600
"""How much older than allowed an answer may be that is labelled as stale."""

REGULAR_FROM_S: Final = 330 * 60
REGULAR_UNTIL_S: Final = 720 * 60
"""Seconds after 04:00 in New York."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer: when it was given, for which tier, of which class (real_time, historical, news), when its data was handed out
    by the upstream, and whether it was labelled as stale. Times in microseconds.
    """

    at_us: int
    tier: int
    data: str
    handed_out_us: int
    stale: bool


def violations(history: list[Answered], start_us: int) -> list[Answered]:
    """The answers that were too old and not labelled, or too old for a label, or from the future; ``start_us``: 04:00 in New York
    of that day.
    """
    return [answer for answer in history if _broken(answer, start_us)]


def _broken(answer: Answered, start_us: int) -> bool:
    age_us = answer.at_us - answer.handed_out_us
    window_us = STALE_WINDOW_S * MICRO if answer.stale else 0
    return age_us < 0 or age_us >= allowed_us(answer, start_us) + window_us


def allowed_us(answer: Answered, start_us: int) -> int:
    """How old this answer's data may be."""
    if answer.data == "news":
        return NEWS_S[answer.tier] * MICRO
    if answer.data == "historical":
        return HISTORICAL_S[answer.tier] * MICRO
    seconds = REAL_TIME_S[answer.tier]
    if not REGULAR_FROM_S <= (answer.at_us - start_us) // MICRO < REGULAR_UNTIL_S:
        seconds = max(seconds, min(4 * seconds, LONGEST_EXTENDED_S))
    return seconds * MICRO
