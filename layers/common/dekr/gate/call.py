"""The vocabulary between the gate, which allows calls of the upstream, and the client, which makes them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from dekr.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Family:
    """A group of endpoints that fail together and that a plan includes or lacks together: the unit of the breaker.

    ``refused_by_range``: a refusal depends on the range of time that was requested (the plan's history begins somewhere), so
    it says nothing of the family and is not remembered.
    """

    name: str
    refused_by_range: bool = False

    def __str__(self) -> str:
        return self.name


class CallOutcome(StrEnum):
    """How one call of the upstream ended."""

    OK = "ok"
    REFUSED = "not_found"
    """404: the upstream is well and knows no such ticker."""
    FAILED = "failed"
    """5xx, time-out, broken connection."""
    MALFORMED = "malformed"
    """An answer that is not the wire format, and any other status."""
    THROTTLED = "throttled"
    NOT_ENTITLED = "not_entitled"
    KEY_REFUSED = "key_refused"
    """401, or there is no key to send."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of the upstream, for the breaker, the budget and the log.

    ``endpoint``: the endpoint's name. ``pause_s``: for how long the upstream sent everybody away. ``cause``: why it failed, in
    words that hold no URL, key or value.
    """

    endpoint: str
    family: Family
    outcome: CallOutcome
    seconds: float
    pause_s: float = 0.0
    cause: str | None = None


class Call(Protocol):
    """Leave to call the upstream for one fetch."""

    @property
    def deadline(self) -> Deadline:
        """When the answer must be there."""
        ...

    def spend(self, family: Family) -> None:
        """Take one call from the budget, before every attempt and every page. Raises BudgetSpent, UpstreamDown."""
        ...

    def observe(self, attempt: Attempt) -> None:
        """Note how an attempt ended."""
        ...
