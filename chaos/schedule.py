"""The schedule of faults, derived from the seed.

There are four lanes: the store, the upstream, the service's processes, and the clock. Inside a lane one fault follows
the other, each kind at least once if there is time; faults of different lanes overlap freely.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

type Lane = Literal["store", "upstream", "process", "clock"]

DURATIONS_S: Final[dict[Lane, dict[str, tuple[float, float]]]] = {
    "store": {
        "redis killed": (0.3, 1.5),
        "redis paused": (0.2, 1.2),
        "data flushed": (0.0, 0.0),
        "replica promoted": (0.0, 0.0),
        "scripts flushed": (0.0, 0.0),
        "memory full": (0.4, 1.2),
        "link slow": (0.4, 1.2),
        "link hung": (0.2, 1.0),
        "link reset": (0.0, 0.0),
        "link cut": (0.2, 0.6),
        "link refused": (0.2, 1.0),
    },
    "upstream": {
        "429 storm": (0.4, 1.2),
        "brown-out": (1.0, 2.5),
        "malformed": (0.3, 0.8),
        "truncated": (0.3, 0.8),
        "wrong ticker": (0.3, 0.8),
        "from the future": (0.3, 0.8),
        "upstream slow": (0.5, 1.5),
        "upstream hung": (0.4, 1.5),
        "upstream reset": (0.0, 0.0),
        "upstream cut": (0.3, 0.8),
        "upstream refused": (0.3, 1.0),
    },
    "process": {
        "holder killed": (0.0, 0.0),
        "holder stopped": (6.5, 6.5),
        "writer killed": (0.0, 0.0),
        "writer stopped": (6.5, 6.5),
    },
    "clock": {"time passed": (0.0, 0.0), "clock forward": (0.0, 0.0), "clock back": (0.0, 0.0)},
}
"""The least and the greatest duration of each kind of fault, in seconds.

A "holder" is a worker whose upstream call is under way; a "writer" has its answer and is about to store it. Both are
suspended for as long as their lease can live, and a bit longer.
"""

GAPS_S: Final[dict[Lane, tuple[float, float]]] = {
    "store": (0.5, 2.0),
    "upstream": (0.5, 2.5),
    "process": (0.5, 2.0),
    "clock": (0.4, 1.8),
}
"""The least and the greatest pause between two faults of a lane, in seconds."""


FIRST: Final[dict[Lane, str]] = {"process": "holder killed", "clock": "time passed"}
"""The kind of fault with which a lane begins, so that even a short run has it."""

_TIME_JUMPS_S: Final = (8, 20, 31, 31, 45, 61, 61, 90, 301, 901)
"""The times that can pass, in seconds: just over or under the ages that tiers allow, among others."""

_CLOCK_STEPS_S: Final = (3, 10, 30, 65, 90)
"""The steps by which the clock can be set, in seconds."""

_JUMPS_PER_STEP: Final = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when it begins and how long it lasts, in seconds. ``amount_s``: for the clock, by how much it changes."""

    at_s: float
    lane: Lane
    kind: str
    duration_s: float = 0.0
    amount_s: float = 0.0


def schedule(seed: int, seconds: float) -> list[Fault]:
    """Return the faults of a run in order of time. None lasts beyond the run's end."""
    faults = [fault for lane in DURATIONS_S for fault in _lane(lane, Random(f"{seed} {lane}"), seconds)]
    return sorted(faults, key=lambda fault: fault.at_s)


def _lane(lane: Lane, random: Random, seconds: float) -> list[Fault]:
    faults: list[Fault] = []
    at_s = random.uniform(*GAPS_S[lane])
    remaining: list[str] = []
    while True:
        if not remaining:
            remaining = random.sample(_kinds(lane), k=len(_kinds(lane)))
            if not faults and lane in FIRST:
                remaining.remove(FIRST[lane])
                remaining.append(FIRST[lane])
        kind = remaining.pop()
        duration_s = random.uniform(*DURATIONS_S[lane][kind])
        amount_s = random.choice(_TIME_JUMPS_S if kind == "time passed" else _CLOCK_STEPS_S) if lane == "clock" else 0
        if at_s + duration_s > seconds:
            return faults
        faults.append(Fault(at_s, lane, kind, duration_s, amount_s))
        at_s += duration_s + random.uniform(*GAPS_S[lane])


def _kinds(lane: Lane) -> list[str]:
    """Return the kinds of faults in one round of a lane. Time passes more often than the clock is stepped."""
    return [*DURATIONS_S[lane], *(["time passed"] * (_JUMPS_PER_STEP - 1) if lane == "clock" else [])]
