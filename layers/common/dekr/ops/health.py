"""Whether the service can answer: the store, the upstream's breakers and the clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dekr.errors import StoreDown
from dekr.gate.call import Family
from dekr.gate.gate import Gate
from dekr.models import Health
from dekr.times import rfc3339

CLOCK_DRIFT_MS: Final = 2_000
"""Farther apart than this, this machine's clock and the store's cannot both be right."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Looks at what every answer depends on: the store, the clocks, and the breakers of these endpoint ``families``."""

    gate: Gate
    now_us: Callable[[], int]
    families: Sequence[Family]

    def look(self) -> tuple[bool, Health]:
        """Whether the service can serve, and the state of its parts.

        It cannot while the store is out of reach (only what single sandboxes remember is left then) or the clocks
        disagree; a failing upstream alone still leaves the cache.
        """
        try:
            now, failing = self.gate.state(self.families)
        except StoreDown:
            return False, self._health("down", "unknown", None)
        drift_ms = (self.now_us() - now) // 1000
        upstream = f"failing: {', '.join(failing)}" if failing else "up"
        serves = abs(drift_ms) <= CLOCK_DRIFT_MS
        return serves, self._health("up", upstream, drift_ms, serves=serves)

    def _health(self, store: str, upstream: str, drift_ms: int | None, *, serves: bool = False) -> Health:
        return Health(
            status="ok" if serves else "unavailable",
            store=store,
            upstream=upstream,
            clock_offset_ms=drift_ms,
            time=rfc3339(self.now_us() * 1000),
        )
