"""Closures of the market that no calendar announces, declared by whoever controls the sandbox.

Only the answers about the market's status show them; the simulated market itself goes on trading.
"""

from dataclasses import dataclass, field
from datetime import date

from dekr import sessions
from local.sandbox import parameters
from local.sandbox.wire import Json, Refusal

DEFAULT_NAME = "Unscheduled closure"


@dataclass(slots=True)
class Closures:
    """Unscheduled closures. ``now``: the market is closed until this is reset; ``days``: closed days and their names."""

    now: bool = False
    days: dict[date, str] = field(default_factory=dict)

    def closed(self, now_us: int) -> bool:
        """Return whether an unscheduled closure is in force at this moment."""
        return self.now or sessions.eastern_date(now_us) in self.days

    def declare(self, body: object) -> None:
        """Declare the closure that the JSON body of a control request describes. Raises ValueError if the body is
        malformed.
        """
        match body:
            case {"closed": bool(closed), **rest} if not rest:
                self.now = closed
            case {"closed_day": str(text), **rest} if not set(rest) - {"name"}:
                name = rest.get("name", DEFAULT_NAME)
                if not isinstance(name, str) or not name:
                    raise ValueError("name: must be a text")
                self.days[_parse_day(text)] = name
            case _:
                raise ValueError('send {"closed": true} or {"closed_day": "2026-12-02", "name": "..."}')

    def lift(self) -> None:
        """Cancel all closures."""
        self.now = False
        self.days.clear()

    def as_json(self) -> Json:
        """Return the closures as the JSON object that the control routes show."""
        return {"closed": self.now, "closed_days": {day.isoformat(): self.days[day] for day in sorted(self.days)}}


def _parse_day(text: str) -> date:
    try:
        return parameters.day(text, "closed_day")
    except Refusal:
        raise ValueError("closed_day: must be a date as in 2026-12-02") from None
