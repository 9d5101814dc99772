"""A log of when each fault really lasted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chaos.history import FaultInterval
from chaos.schedule import Fault
from chaos.upstream_proxy import now_us


@dataclass(slots=True)
class FaultLog:
    """The faults that were injected so far, with their times."""

    fault_intervals: list[FaultInterval] = field(default_factory=list)

    @contextmanager
    def during(self, fault: Fault, worker: str = "", *, loss: bool = False) -> Iterator[None]:
        """Record the time during which the context lasts as the duration of the fault."""
        from_us = now_us()
        try:
            yield
        finally:
            self.fault_intervals.append(FaultInterval(fault.lane, fault.kind, from_us, now_us(), loss, worker))
