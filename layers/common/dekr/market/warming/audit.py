"""The audit of preloads: which were read in time (saved), and which were not (wasted).

The record of demand already has how often each ticker was read, and the stamp of what was served last, so the audit costs the
readers nothing: a preload remembers each ticker's count, and a later audit compares. It is an estimate: sandboxes send their
counts some seconds late. A ticker that was fetched again before the audit counts as wasted, even if it was read before, so
that what is called saved is never too much for that reason.
"""

from dataclasses import dataclass
from math import log
from typing import Final

from dekr.cache import keys
from dekr.cache.freshness import SECOND_US
from dekr.cache.keys import DemandPart as Part
from dekr.market.demand.record import CANDIDATES, HALF_LIFE_US
from dekr.market.demand.scripts import RECORD_FUNCTIONS, RECORD_NUMBERS
from dekr.store import Store, call, load_script
from dekr.tiers import MAX_REAL_TIME_S

OLDEST_US: Final = MAX_REAL_TIME_S * SECOND_US
"""The age beyond which a quote is too old for every reader while the market is open."""

PRELOADS_KEPT_S: Final = 86_400
"""The time after which preloads that no audit has decided on are forgotten."""

SHORTEST_RECORD_US: Final = 86_400 * SECOND_US
TRADING_SHARE: Final = 5 * 16 / (7 * 24)
"""The part of a week in which the market is open: nearly all requests come in it."""

_NUMBERS: Final = {**RECORD_NUMBERS, "PRELOADS_KEPT_S": PRELOADS_KEPT_S}
_AUDIT: Final = load_script(__package__, "audit_preloads", RECORD_FUNCTIONS, **_NUMBERS)
_RECORD: Final = load_script(__package__, "record_preload", RECORD_FUNCTIONS, **_NUMBERS)


@dataclass(frozen=True, slots=True)
class PreloadAudit:
    """The result of an audit at ``now_us``.

    ``saved`` and ``wasted``: preloaded tickers whose fate was decided since the last audit; ``left``: those that may still be
    read. ``requested_us``: when somebody last read a quote; ``preloaded_us``: the latest preload that is not decided; 0
    where there is none. ``usual_rate``: requests a second while the market is open, in the long run. Times are in
    microseconds, on the store's clock.
    """

    now_us: int
    requested_us: int
    usual_rate: float
    preloaded_us: int
    saved: int
    wasted: int
    left: int


@dataclass(frozen=True, slots=True, eq=False)
class PreloadRecord:
    """The record of preloaded tickers, which stands next to the record of demand."""

    store: Store

    def audit(self) -> PreloadAudit:
        """Decide on the preloads as far as that is possible now. Raises StoreDown."""
        touched = self._keys(Part.PRELOADED, Part.TICKERS, Part.PACE, Part.STAMPS)
        (reply,) = self.store.run(call(_AUDIT, touched, HALF_LIFE_US, OLDEST_US))
        now_us, requested_us, since_us, total, *rest = reply
        # A steady rate r adds up to r x half-life / ln 2 in the long run, and to a part of it in a young record.
        seen = 1 - 2.0 ** (-max(now_us - since_us, SHORTEST_RECORD_US) / HALF_LIFE_US)
        rate = float(total) * log(2) / (HALF_LIFE_US / SECOND_US) / seen / TRADING_SHARE
        return PreloadAudit(now_us, requested_us, rate, *rest)

    def record(self, since_us: int) -> int:
        """Remember the tickers that were preloaded from ``since_us`` on; returns how many. Raises StoreDown."""
        touched = self._keys(Part.PRELOADED, Part.TICKERS, Part.PACE, Part.STAMPS, Part.PREFERRED)
        (count,) = self.store.run(call(_RECORD, touched, since_us, CANDIDATES))
        return int(count)

    def _keys(self, *parts: Part) -> list[str]:
        return keys.demand(self.store.prefix, parts)
