"""Faults on request: which kind, for which paths, how often."""

from dataclasses import dataclass, field
from typing import Any

KINDS = ("429", "401", "403", "500_html", "slow", "hang", "malformed", "truncated", "wrong_ticker", "future", "empty")


@dataclass(slots=True)
class Fault:
    """One order: the next ``count`` calls (None: all) whose path begins with ``match`` fail this way."""

    kind: str
    match: str
    count: int | None
    seconds: float

    @classmethod
    def parse(cls, body: Any) -> "Fault":
        """The fault in a request's body. Raises ValueError with a sentence that names the field."""
        if not isinstance(body, dict):
            raise ValueError("body: must be an object")  # noqa: TRY004 - one kind of error for a bad order
        unknown = set(body) - {"kind", "match", "count", "seconds"}
        if unknown:
            raise ValueError(f"{min(unknown)}: is not a field")
        kind, match, count, seconds = (
            body.get("kind"),
            body.get("match", "/"),
            body.get("count"),
            body.get("seconds", 2),
        )
        if kind not in KINDS:
            raise ValueError(f"kind: must be one of {', '.join(KINDS)}")
        if not isinstance(match, str) or not match.startswith("/"):
            raise ValueError("match: must be the beginning of a path")
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
            raise ValueError("count: must be a whole number from 1")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= 60:  # noqa: PLR2004
            raise ValueError("seconds: must be a number from 0 to 60")
        return cls(kind, match, count, float(seconds))

    def wire(self) -> dict[str, Any]:
        """The fault as the control route shows it."""
        return {"kind": self.kind, "match": self.match, "count": self.count}


@dataclass(slots=True)
class Faults:
    """The orders that stand."""

    standing: list[Fault] = field(default_factory=list)

    def take(self, path: str) -> Fault | None:
        """The fault for a call of this path, if one is due; it is used up by it."""
        for fault in self.standing:
            if path.startswith(fault.match):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self.standing.remove(fault)
                return fault
        return None
