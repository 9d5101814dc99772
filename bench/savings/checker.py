"""An independent check of the recorded history for data older than the reader's tier allows.

It shares nothing with the service: its table and its sessions are its own, and the age of an answer is derived from the
answer's own prices (see ``upstream``).
"""

from dataclasses import dataclass
from typing import Final

MICRO: Final = 1_000_000
REAL_TIME_S: Final = {1: 3600, 2: 900, 3: 900, 4: 300, 5: 300, 6: 60, 7: 30}
"""The largest age of real-time data by tier, in seconds, in the regular session."""

HISTORICAL_S: Final = {1: 86400, 2: 3600, 3: 3600, 4: 1800, 5: 1800, 6: 300, 7: 300}
"""The largest age of historical data by tier, in seconds."""

NEWS_S: Final = {1: 7200, 2: 1800, 3: 1800, 4: 900, 5: 900, 6: 300, 7: 300}
"""The largest age of news by tier, in seconds."""

MAX_EXTENDED_S: Final = 3600
"""Outside the regular session real-time data may be four times as old, up to this many seconds."""

STALE_WINDOW_S: Final = 3600
"""The time that an answer labelled as stale may be older than its tier allows, in seconds."""

REGULAR_FROM_S: Final = 330 * 60
REGULAR_UNTIL_S: Final = 720 * 60
"""The regular session, in seconds after 04:00 in New York."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. Times are microseconds since the epoch.

    ``at_us``: when it was given; ``tier``: the reader's tier; ``data``: its class (real_time, historical or news);
    ``handed_out_us``: when the upstream handed its data out; ``stale``: whether it was labelled as stale.
    """

    at_us: int
    tier: int
    data: str
    handed_out_us: int
    stale: bool


def violations(history: list[Answered], start_us: int) -> list[Answered]:
    """Return the answers that were too old for their tier and label, or whose data comes from the future.

    ``start_us``: 04:00 in New York of that day.
    """
    return [answer for answer in history if _violates(answer, start_us)]


def _violates(answer: Answered, start_us: int) -> bool:
    age_us = answer.at_us - answer.handed_out_us
    window_us = STALE_WINDOW_S * MICRO if answer.stale else 0
    return age_us < 0 or age_us >= allowed_us(answer, start_us) + window_us


def allowed_us(answer: Answered, start_us: int) -> int:
    """Return the largest age that the data of this answer may have, in microseconds. ``start_us``: 04:00 in New York of
    that day.
    """
    if answer.data == "news":
        return NEWS_S[answer.tier] * MICRO
    if answer.data == "historical":
        return HISTORICAL_S[answer.tier] * MICRO
    seconds = REAL_TIME_S[answer.tier]
    if not REGULAR_FROM_S <= (answer.at_us - start_us) // MICRO < REGULAR_UNTIL_S:
        seconds = max(seconds, min(4 * seconds, MAX_EXTENDED_S))
    return seconds * MICRO
