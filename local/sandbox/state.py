"""The state of one sandbox: whose key it takes and on which plan, its clock, its faults, and what it was asked."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from local.sandbox.clock import Clock
from local.sandbox.closures import Closures
from local.sandbox.faults import Faults
from local.sandbox.plans import ADVANCED, Meter, Plan

SEED: Final = 7
KEY: Final = "sandbox-key-not-real"


@dataclass
class Sandbox:
    """One simulated vendor with one customer. ``latency_s`` is added to every answer of the vendor's routes.

    ``calls`` counts by path, ``serial`` all of them and is never reset; ``stopping`` is set when the server stops, so that
    no answer that is being held back delays it.
    """

    plan: Plan = ADVANCED
    key: str = KEY
    seed: int = SEED
    latency_s: float = 0.0
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    closures: Closures = field(default_factory=Closures)
    calls: Counter[str] = field(default_factory=Counter)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    serial: int = 0

    def __post_init__(self) -> None:
        self.meter = Meter(self.plan.per_minute)

    def count(self, path: str) -> int:
        """Note a call. Its number."""
        self.calls[path] += 1
        self.serial += 1
        return self.serial
