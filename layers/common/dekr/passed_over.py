"""Failures that a request goes on without: they are swallowed where they happen, and its log line shows them."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dekr.errors import UpstreamNotEntitled, fault_of

MAX_KEPT: Final = 20
"""Different failures of one request beyond this number are dropped: the first ones tell what was wrong."""


class Failure(NamedTuple):
    """One failure: the error's ``code``, and its ``fault`` (see dekr.errors.fault_of)."""

    code: str
    fault: str | None

    def __str__(self) -> str:
        return f"{self.code}: {self.fault}" if self.fault else self.code

    @property
    def planned(self) -> bool:
        """Whether it says only that the upstream plan lacks something, which is no trouble."""
        return self.code == UpstreamNotEntitled.code


@dataclass(slots=True, eq=False)
class PassedOver:
    """Collects the failures that the present request or run goes on without. One sandbox serves one request at a time, so its
    services share one collector, and the edge takes what it holds at the end of each request.
    """

    _failures: dict[Failure, None] = field(default_factory=dict)

    def note(self, error: Exception, call: str = "") -> None:
        """Remember an error that the request goes on without; one that is alike is remembered once.

        ``call``: which one failed, where the error's fault does not say so. It is put before the fault.
        """
        if len(self._failures) < MAX_KEPT:
            code: str = getattr(error, "code", type(error).__name__)
            fault = ": ".join(filter(None, (call, fault_of(error))))
            self._failures[Failure(code, fault or None)] = None

    def take(self) -> list[Failure]:
        """Return the failures in the order in which they happened, and forget them."""
        found = list(self._failures)
        self._failures.clear()
        return found

    def __bool__(self) -> bool:
        return bool(self._failures)
