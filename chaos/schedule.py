"""Which faults come when, from the seed.

There are four lanes: the store, the upstream, the processes of the service, and the clock. Inside a lane one fault comes after
the other, each kind at least once where there is time for it; the lanes overlap as they like.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal

type Lane = Literal["store", "upstream", "process", "clock"]

LASTS_S: Final[dict[Lane, dict[str, tuple[float, float]]]] = {
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
"""How long each kind lasts, at least and at most. A holder is met while its call is underway, a writer when it has its answer and
is about to write it; it is stopped for as long as its lease can live, and a bit longer.
"""

GAPS_S: Final[dict[Lane, tuple[float, float]]] = {
    "store": (0.5, 2.0),
    "upstream": (0.5, 2.5),
    "process": (0.5, 2.0),
    "clock": (0.4, 1.8),
}

FIRST: Final[dict[Lane, str]] = {"process": "holder killed", "clock": "time passed"}
"""What a lane begins with, so that even a short run has time for it."""

_PASSES_S: Final = (8, 20, 31, 31, 45, 61, 61, 90, 301, 901)
_STEPS_S: Final = (3, 10, 30, 65, 90)
_PASSES_A_STEP: Final = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when it begins, how long it lasts (seconds), and for the clock by how much."""

    at_s: float
    lane: Lane
    kind: str
    lasts_s: float = 0.0
    amount_s: float = 0.0


def schedule(seed: int, seconds: float) -> list[Fault]:
    """The faults of a run, in order; none lasts beyond its end."""
    found = [fault for lane in LASTS_S for fault in _lane(lane, Random(f"{seed} {lane}"), seconds)]
    return sorted(found, key=lambda fault: fault.at_s)


def _lane(lane: Lane, random: Random, seconds: float) -> list[Fault]:
    found: list[Fault] = []
    at_s = random.uniform(*GAPS_S[lane])
    left: list[str] = []
    while True:
        if not left:
            left = random.sample(_kinds(lane), k=len(_kinds(lane)))
            if not found and lane in FIRST:
                left.remove(FIRST[lane])
                left.append(FIRST[lane])
        kind = left.pop()
        lasts_s = random.uniform(*LASTS_S[lane][kind])
        amount_s = random.choice(_PASSES_S if kind == "time passed" else _STEPS_S) if lane == "clock" else 0
        if at_s + lasts_s > seconds:
            return found
        found.append(Fault(at_s, lane, kind, lasts_s, amount_s))
        at_s += lasts_s + random.uniform(*GAPS_S[lane])


def _kinds(lane: Lane) -> list[str]:
    """The kinds of a round: time passes more often than a clock is stepped."""
    return [*LASTS_S[lane], *(["time passed"] * (_PASSES_A_STEP - 1) if lane == "clock" else [])]
