"""Faults on request: which kind, for which paths, how often."""

from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = (
    "429",
    "401",
    "403",
    "500_html",
    "slow",
    "hang",
    "malformed",
    "truncated",
    "wrong_ticker",
    "future",
    "empty",
)
LONGEST_S: Final = 600


@dataclass(slots=True)
class Fault:
    """The next ``count`` calls (None: all) whose path begins with ``match`` fail in this way; ``seconds``: for slow."""

    kind: str
    match: str
    count: int | None
    seconds: float

    def wire(self) -> dict[str, Any]:
        """As the control routes show it."""
        shown = {"kind": self.kind, "match": self.match, "count": self.count}
        return shown | {"seconds": self.seconds} if self.kind == "slow" else shown


def parse(body: object) -> Fault:
    """The fault that a request's body describes. Raises ValueError with a sentence that names the field."""
    if not isinstance(body, dict) or set(body) - {"kind", "match", "count", "seconds"}:
        raise ValueError("a fault is an object with kind and, if wanted, match, count and seconds")
    kind, match, count, seconds = body.get("kind"), body.get("match", "/"), body.get("count"), body.get("seconds", 2)
    if kind not in KINDS:
        raise ValueError(f"kind: must be one of {', '.join(KINDS)}")
    if not isinstance(match, str) or not match.startswith("/"):
        raise ValueError("match: must be the beginning of a path")
    if count is not None and (type(count) is not int or count < 1):
        raise ValueError("count: must be a whole number from 1, or absent for all calls")
    if type(seconds) not in (int, float) or not 0 <= seconds <= LONGEST_S:
        raise ValueError(f"seconds: must be a number from 0 to {LONGEST_S}")
    return Fault(kind, match, count, seconds)


class Faults:
    """The faults that stand, the oldest first."""

    def __init__(self) -> None:
        self.standing: list[Fault] = []

    def take(self, path: str) -> Fault | None:
        """The fault of a call with this path, if one is due. It is used up by the call."""
        for fault in self.standing:
            if path.startswith(fault.match):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self.standing.remove(fault)
                return fault
        return None
