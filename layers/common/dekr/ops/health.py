"""The health check: the store, the upstream's breakers and the clocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dekr.errors import StoreDown, Unavailable
from dekr.gate.call import Family
from dekr.gate.gate import Gate
from dekr.models.operations import Health
from dekr.passed_over import PassedOver
from dekr.times import rfc3339

CLOCK_DRIFT_MS: Final = 2_000
"""Where this machine's clock and the store's are farther apart than this, they cannot both be right."""


@dataclass(frozen=True, slots=True, eq=False)
class HealthCheck:
    """Checks what every answer depends on: the store, the clocks, and the breakers of these endpoint ``families``. ``now_us`` is
    this machine's clock; ``passed_over`` collects why it cannot serve.
    """

    gate: Gate
    now_us: Callable[[], int]
    families: Sequence[Family]
    passed_over: PassedOver

    def check(self) -> tuple[bool, Health]:
        """Return whether the service can serve, and the state of its parts.

        It cannot while the store is out of reach (only copies in single sandboxes are left then) or the clocks disagree; a failing
        upstream alone still leaves the cache.
        """
        try:
            now, failing = self.gate.state(self.families)
        except StoreDown as error:
            self.passed_over.note(error)
            return False, self._health("down", "unknown", None)
        drift_ms = (self.now_us() - now) // 1000
        upstream = f"failing: {', '.join(failing)}" if failing else "up"
        serves = abs(drift_ms) <= CLOCK_DRIFT_MS
        if not serves:
            text = "This machine's clock and the store's disagree."
            self.passed_over.note(Unavailable(text, retry_after_s=1, fault=f"the clocks disagree by {drift_ms} ms"))
        return serves, self._health("up", upstream, drift_ms, serves=serves)

    def forget_denials(self) -> list[str]:
        """Forget which families the plan is believed to lack, so that they are tried at once; returns their names.

        Raises StoreDown.
        """
        return self.gate.forget_denials(self.families)

    def _health(self, store: str, upstream: str, drift_ms: int | None, *, serves: bool = False) -> Health:
        return Health(
            status="ok" if serves else "unavailable",
            store=store,
            upstream=upstream,
            clock_offset_ms=drift_ms,
            time=rfc3339(self.now_us() * 1000),
        )
