"""What a call of the upstream needs from whoever allowed it."""

from enum import Enum, auto
from typing import Final, Protocol

from dekr.deadline import Deadline

MAX_UNIVERSAL: Final = 250
"""Tickers in one universal snapshot."""


class Outcome(Enum):
    """How a call ended, as the breaker and the budget see it."""

    OK = auto()
    REFUSED = auto()
    """404: the upstream is well and knows no such ticker."""
    FAILED = auto()
    """5xx, time-out, broken connection."""
    MALFORMED = auto()
    """An answer that is not the wire format, and any other status."""
    THROTTLED = auto()
    NOT_ENTITLED = auto()
    KEY_REFUSED = auto()
    """401, or there is no key to send."""


class Call(Protocol):
    """Leave to call the upstream for one datum."""

    deadline: Deadline

    def spend(self, family: str) -> None:
        """Take one call from the budget, before every attempt and every page. Raises BudgetSpent, UpstreamDown."""
        ...

    def observe(self, family: str, outcome: Outcome, seconds: float, pause_s: float = 0.0) -> None:
        """Note how an attempt went and how long it took; ``pause_s``: for how long the upstream sent everybody away."""
        ...
