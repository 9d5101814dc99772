"""The snapshot of the whole market: some megabytes that one upstream call gives, kept compressed."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import keep_us
from dekr.cache.keys import MARKET_SLOT, Datum, Lease
from dekr.data_source import DataSource
from dekr.flaws import Flaws
from dekr.gate.permit import Permit
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement, real_time
from dekr.polygon import endpoints

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

_END: Final = b"\n"
"""The end of an entry's label, after which the compressed answer begins."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketSnapshot:
    """The service of the whole market's snapshot; a ``dekr.market.read.fetch.Fetcher`` of what it serves.

    ``client`` makes the upstream client on the first miss, so that hits never load it.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext) -> bytes:
        """Polygon's answer with the snapshots of all tickers, compressed with gzip."""
        endpoint = endpoints.MARKET
        fetch = Fetch(Lease.MARKET_SNAPSHOT, (endpoint.family,), endpoint.lease_ms, self)
        entry = self.reader.read(context, (real_time(self._key),), fetch)[self._key]
        label, packed = entry.payload.split(_END, 1)
        kept = json.loads(label)
        context.source, context.delayed, context.flaws = DataSource.SNAPSHOT, kept["delayed"], Flaws.of(kept)
        return packed

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the whole market. Raises what the client raises."""
        del missing, cached
        found, dropped = self.client().market(permit)
        delayed = any(snapshot.delayed for snapshot in found)
        flaws = Flaws(dropped, sum(snapshot.suspect for snapshot in found))
        tickers = [snapshot.fields for snapshot in found]
        answer = {"status": "DELAYED" if delayed else "OK", "count": len(tickers), "tickers": tickers}
        packed = gzip.compress(json.dumps(answer, separators=(",", ":")).encode(), mtime=0)
        # A payload that begins as a JSON object would be compressed again.
        payload = b" " + json.dumps({"delayed": delayed, **flaws.kept()}).encode() + _END + packed
        if not tickers:
            # An empty answer is believed for a short time only.
            return [Write.negative(self._key, permit.stamp_us, payload)]
        kept_us = keep_us(permit.stamp_us, endpoints.MARKET.data, self.reader.stale_us)
        return [Write(self._key, Entry(permit.stamp_us, Kind.VALUE, payload), kept_us)]

    @property
    def _key(self) -> str:
        return self.reader.cache.key(MARKET_SLOT, Datum.SNAPSHOT)
