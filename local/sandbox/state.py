"""The state of one sandbox: its plan and key, clock, faults and closures, its stream, and the count of calls it has received."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from local.sandbox.clock import Clock
from local.sandbox.closures import Closures
from local.sandbox.faults import Faults
from local.sandbox.plans import ADVANCED, Meter, Plan
from local.sandbox.stream.faults import StreamControl

SEED: Final = 7
KEY: Final = "sandbox-key-not-real"


@dataclass
class Sandbox:
    """One simulated vendor with one customer.

    ``latency_s`` seconds are added to every answer of the vendor's routes. ``calls`` counts calls by path; ``serial``
    counts all of them and is never reset. ``stopping`` is set when the server stops, so that answers that are being
    delayed do not hold it up.
    """

    plan: Plan = ADVANCED
    key: str = KEY
    seed: int = SEED
    latency_s: float = 0.0
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    closures: Closures = field(default_factory=Closures)
    stream: StreamControl = field(default_factory=StreamControl)
    calls: Counter[str] = field(default_factory=Counter)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    serial: int = 0

    def __post_init__(self) -> None:
        self.meter = Meter(self.plan.per_minute)

    def count_call(self, path: str) -> int:
        """Count a call to this path. Return its serial number, from 1."""
        self.calls[path] += 1
        self.serial += 1
        return self.serial
