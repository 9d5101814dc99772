"""When which fault really was there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chaos.history import Trouble
from chaos.schedule import Fault
from chaos.upstream_proxy import now_us


@dataclass(slots=True)
class Notes:
    """The troubles so far."""

    troubles: list[Trouble] = field(default_factory=list)

    @contextmanager
    def during(self, fault: Fault, worker: str = "", *, loss: bool = False) -> Iterator[None]:
        """Inside, the fault is there."""
        from_us = now_us()
        try:
            yield
        finally:
            self.troubles.append(Trouble(fault.lane, fault.kind, from_us, now_us(), loss, worker))
