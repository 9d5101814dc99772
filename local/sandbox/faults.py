"""Faults on request: of which kind, for which paths, how often."""

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
    "broken_item",
    "doubled_item",
)
MAX_SECONDS: Final = 600
"""The longest delay of the fault "slow", in seconds."""


@dataclass(slots=True)
class Fault:
    """The next ``count`` calls (None: all) whose path begins with ``match`` fail in this way.

    ``kind`` is one of ``KINDS``; ``seconds`` is the delay of the kind "slow".
    """

    kind: str
    match: str
    count: int | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the JSON object that the control routes show."""
        shown = {"kind": self.kind, "match": self.match, "count": self.count}
        return shown | {"seconds": self.seconds} if self.kind == "slow" else shown


def parse_fault(body: object) -> Fault:
    """Parse the fault that a control request's JSON body describes. Raises ValueError with a sentence that names the
    field.
    """
    if not isinstance(body, dict) or set(body) - {"kind", "match", "count", "seconds"}:
        raise ValueError("a fault is an object with kind and, if wanted, match, count and seconds")
    kind, match, count, seconds = body.get("kind"), body.get("match", "/"), body.get("count"), body.get("seconds", 2)
    if kind not in KINDS:
        raise ValueError(f"kind: must be one of {', '.join(KINDS)}")
    if not isinstance(match, str) or not match.startswith("/"):
        raise ValueError("match: must be the beginning of a path")
    if count is not None and (type(count) is not int or count < 1):
        raise ValueError("count: must be a whole number from 1, or absent for all calls")
    if type(seconds) not in (int, float) or not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"seconds: must be a number from 0 to {MAX_SECONDS}")
    return Fault(kind, match, count, seconds)


class Faults:
    """The active faults, the oldest first."""

    def __init__(self) -> None:
        self.standing: list[Fault] = []

    def take(self, path: str) -> Fault | None:
        """Return the fault that applies to a call with this path, or None. The call uses up one of the fault's ``count``."""
        for fault in self.standing:
            if path.startswith(fault.match):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self.standing.remove(fault)
                return fault
        return None
