"""Closures of the market that no calendar knows beforehand: declared by who drives the sandbox.

Only the answers about the market's status say so; the simulated market itself trades on.
"""

from dataclasses import dataclass, field
from datetime import date

from dekr import sessions
from local.sandbox import parameters
from local.sandbox.wire import Json, Refusal

UNNAMED = "Unscheduled closure"


@dataclass(slots=True)
class Closures:
    """``now``: the market is closed until that is taken back; ``days``: closed days and their names."""

    now: bool = False
    days: dict[date, str] = field(default_factory=dict)

    def closed(self, now_us: int) -> bool:
        """Whether the market is closed at this moment, whatever the calendar says."""
        return self.now or sessions.eastern_date(now_us) in self.days

    def order(self, body: object) -> None:
        """Declare what a request's body says. Raises ValueError."""
        match body:
            case {"closed": bool(closed), **rest} if not rest:
                self.now = closed
            case {"closed_day": str(text), **rest} if not set(rest) - {"name"}:
                name = rest.get("name", UNNAMED)
                if not isinstance(name, str) or not name:
                    raise ValueError("name: must be a text")
                self.days[_day(text)] = name
            case _:
                raise ValueError('send {"closed": true} or {"closed_day": "2026-12-02", "name": "..."}')

    def lift(self) -> None:
        """Take all of them back."""
        self.now = False
        self.days.clear()

    def wire(self) -> Json:
        """As the control routes show them."""
        return {"closed": self.now, "closed_days": {day.isoformat(): self.days[day] for day in sorted(self.days)}}


def _day(text: str) -> date:
    try:
        return parameters.day(text, "closed_day")
    except Refusal:
        raise ValueError("closed_day: must be a date as in 2026-12-02") from None
