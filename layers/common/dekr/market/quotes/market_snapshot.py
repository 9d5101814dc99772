"""The snapshot of the whole market: some megabytes that one upstream call gives, kept compressed."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, keep_us
from dekr.cache.keys import MARKET, Datum, Lease
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import MARKET_FAMILY
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, real_time

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

LEASE_MS: Final = 12_000
_DELAYED: Final = b"d"
_REAL_TIME: Final = b"r"


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """The service of that snapshot. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext) -> bytes:
        """Polygon's answer with the snapshots of all tickers, compressed with gzip."""
        key = self.reader.cache.key(MARKET, Datum.SNAPSHOT)
        fetch = Fetch(Lease.MARKET_SNAPSHOT, (MARKET_FAMILY,), LEASE_MS, lambda permit, *_: [self._fetch(key, permit)])
        entry = self.reader.read(context, (real_time(key),), fetch)[key]
        context.source, context.delayed = "snapshot", entry.payload[:1] == _DELAYED
        return entry.payload[1:]

    def _fetch(self, key: str, permit: Permit) -> Write:
        found = self.client().market(permit)
        delayed = any(snapshot.delayed for snapshot in found)
        tickers = [snapshot.fields for snapshot in found]
        answer = {"status": "DELAYED" if delayed else "OK", "count": len(tickers), "tickers": tickers}
        packed = gzip.compress(json.dumps(answer, separators=(",", ":")).encode(), mtime=0)
        payload = (_DELAYED if delayed else _REAL_TIME) + packed
        if not tickers:
            # An empty answer is believed for a short time only.
            return Write.negative(key, permit.stamp_us, payload)
        keep = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.reader.stale_us)
        return Write(key, Entry(permit.stamp_us, Kind.VALUE, payload), keep)
