"""Why a request or run went as it did, for its log line: the error that ended it, why an answer is stale or partial, the calls
of the upstream, and failures that were passed over. All of it is codes, kinds and names, never a value, a URL or a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dekr.errors import DekrError, StoreDown, causes_of, fault_of
from dekr.gate.call import Attempt
from dekr.http.edge.log import Level
from dekr.passed_over import Failure

SERVER_ERROR: Final = 500
"""The first HTTP status that means a failure of the service's own."""

MAX_SHOWN: Final = 20
"""A line shows so many calls of the upstream, the last ones: they led to the answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The causes of an answer. ``error`` ended the request; ``reason`` is why its data are stale or partial; ``attempts`` are its
    calls of the upstream; ``failures`` are those that it went on without.
    """

    error: DekrError | None = None
    reason: DekrError | None = None
    attempts: Sequence[Attempt] = ()
    failures: Sequence[Failure] = ()

    def level(self, status: int | None = None) -> Level:
        """ERROR for a failure of the service's own, WARNING where something failed although there is an answer, or the plan refused
        an endpoint, else INFO. An endpoint that the plan is known to lack is no failure, and neither is a caller's mistake.

        ``status`` is that of the response; without it the status of the error counts.
        """
        if status is None:
            status = self.error.status if self.error is not None else 0
        if status >= SERVER_ERROR:
            return Level.ERROR
        troubled = (
            self.reason is not None
            or any(attempt.outcome.failed or attempt.refused or attempt.dropped for attempt in self.attempts)
            or any(not failure.planned for failure in self.failures)
        )
        return Level.WARNING if troubled else Level.INFO

    def facts(self) -> dict[str, Any]:
        """The causes as facts of the line; each is there only where there is something to say.

        ``error`` or ``reason`` (a code), its ``fault`` and, behind it, its ``causes``; ``upstream``; ``store`` and
        ``store_fault``; ``passed_over``.
        """
        facts: dict[str, Any] = {}
        if self.error is not None:
            facts["error"] = self.error.code
            facts |= _fault_facts(self.error)
        elif self.reason is not None:
            facts["reason"] = self.reason.code
            facts |= _fault_facts(self.reason)
        if self.attempts:
            facts["upstream"] = [_attempt_facts(attempt) for attempt in self.attempts[-MAX_SHOWN:]]
        of_store = [failure.fault for failure in self.failures if failure.code == StoreDown.code]
        if of_store or isinstance(self.error, StoreDown):
            facts["store"] = "down"
        if of_store:
            facts["store_fault"] = of_store[0]
        others = [str(failure) for failure in self.failures if failure.code != StoreDown.code]
        if others:
            facts["passed_over"] = others
        return facts


def _fault_facts(error: DekrError) -> dict[str, Any]:
    fault, causes = fault_of(error), causes_of(error)
    return ({"fault": fault} if fault else {}) | ({"causes": causes} if causes else {})


def _attempt_facts(attempt: Attempt) -> dict[str, Any]:
    facts = {"endpoint": attempt.endpoint, "outcome": attempt.outcome, "ms": round(attempt.seconds * 1000, 1)}
    if attempt.dropped:
        facts["dropped"] = attempt.dropped
    return facts | {"cause": attempt.cause} if attempt.outcome.failed or attempt.dropped else facts
