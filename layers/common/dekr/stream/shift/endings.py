"""Why a run of the relay's function ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The outcome of a run of the relay's function."""

    HELD = "held"
    """Nothing: another relay runs."""
    UNHEARD = "unheard"
    """A round of the guard: nobody listens, so no relay is needed."""
    SERVED = "served"
    """It was the relay."""


class Cause(StrEnum):
    """Why a relay ended."""

    IDLE = "idle"
    """Nobody listened any more."""
    FENCED = "fenced"
    """Another relay has begun, or the store has lost what it knew of this one."""
    DEADLINE = "deadline"
    """The invocation's time was over."""
    LEASE_LOST = "lease_lost"
    """Another run has the lease, or it could not be renewed in time."""
    EVICTED = "evicted"
    """The upstream gave its connection to another relay."""
    SIGNAL = "signal"
    """It was told to stop from outside."""
    FAILED = "failed"
    """A part of it failed. Its error is raised."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """The outcome of a run: its last relay's epoch and the cause of that one's end, where there was one. ``passed_over``: failures
    that it went on without, as ``code: fault``.
    """

    outcome: Outcome
    cause: Cause | None = None
    epoch: int = 0
    passed_over: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """The facts of its log line; ``passed_over`` is there only where there is something to say."""
        facts = {"outcome": self.outcome, "cause": self.cause, "epoch": self.epoch}
        return {**facts, "passed_over": self.passed_over} if self.passed_over else facts
