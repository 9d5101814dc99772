"""The fetch of the whole market's quotes and trades: one call for all who would make it, under a lease of its own.

A holder of a quote's lease who finds it taken waits, but not for long. What the market brings of the holder's own tickers is
written first, all others in steps, and only in the store: copies are for what this sandbox serves.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, keep_us
from dekr.cache.keys import Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import StoreDown
from dekr.gate.gate import Done
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import MARKET_FAMILY, EntryBuilder, has, lacking
from dekr.market.quotes.refresh_policy import Miss
from dekr.market.quotes.sources import LADDERS
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch
from dekr.market.read.single_flight import longest_wait_s

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot

LEASE_MS: Final = 8_000
"""Longer than an attempt and the writing of what it brought: a holder that was killed is replaced after it."""

ATTEMPT_S: Final = 4.0
"""How long the whole market may take, a second attempt included: another fetch can follow."""

DISTRUST_MS: Final = 60_000
"""A market that was mostly wrong is not asked for again for so long."""

MAX_LACKING: Final = 1_000
"""Of the likely tickers that the market lacks so many are remembered, the likeliest."""


@dataclass(frozen=True, slots=True)
class MarketRefresh:
    """Fetches the whole market. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def share(self, permit: Permit, miss: Miss) -> list[Write]:
        """The whole market: fetched with the permit's call, or waited for where somebody else is fetching it."""
        single_flight = self.reader.single_flight
        joined = single_flight.leave(
            lambda _: single_flight.gate.join(permit, Lease.MARKET_QUOTES, (MARKET_FAMILY,), LEASE_MS),
            permit.deadline,
            most_s=0.0 if permit.waited else longest_wait_s(permit.deadline),
        )
        if joined is None:
            return []
        if isinstance(joined, Done):
            return self._theirs(permit, miss)
        # The own lease has waited, too, and must last as long as the market may take: half of the time that is left, so that the
        # other half is for a fetch of the ticker alone.
        single_flight.tell(*permit.renewed())
        joined.deadline = Deadline.after(min(ATTEMPT_S, permit.deadline.left_s() / 2))
        mine = list[Write]()

        def arrived(writes: Sequence[Write]) -> None:
            mine.extend(writes)
            # Whoever waits for these need not wait for all others.
            left = lacking(single_flight.cache, miss.tickers, miss.datum, writes)
            single_flight.tell(*single_flight.cache.put(writes), *(() if left else permit.finished()))

        try:
            single_flight.run(self.fetch(miss, arrived), joined, (), {}, tuple)
        except StoreDown:
            # What the store did not take of the others is theirs to fetch.
            pass
        finally:
            permit.calls, permit.seconds = joined.calls, joined.seconds
        return mine

    def fetch(self, miss: Miss, arrived: Callable[[Sequence[Write]], None]) -> Fetch:
        """The fetch of the whole market; ``arrived`` is given what it has of the miss's tickers before all others are written."""

        def run(permit: Permit, *_: object) -> list[Write]:
            with _collector_waiting():
                found = self.client().market(permit)
                builder = EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us)
                needed = closes_of(self.reader, found, miss.datum, permit)
                known = {snapshot.ticker: snapshot for snapshot in found}
                own = [known[name] for name in miss.tickers if name in known]
                arrived([write for snapshot in own for write in builder.snapshot(snapshot, Datum.SNAPSHOT, needed)])
                builder.keep([known[name] for name in known.keys() - set(miss.tickers)], Datum.SNAPSHOT, needed)
                lacked = [
                    each.ticker for each in miss.forecast.tickers if not has(known.get(each.ticker), miss.datum, needed)
                ]
                self.reader.cache.store.run(*self.reader.demand.refreshed_market(permit.stamp_us, lacked[:MAX_LACKING]))
            return []

        return Fetch(Lease.MARKET_QUOTES, (MARKET_FAMILY,), LEASE_MS, run, distrust_ms=DISTRUST_MS)

    def _theirs(self, permit: Permit, miss: Miss) -> list[Write]:
        """What somebody else's fetch of the whole market has brought."""
        cache = self.reader.cache
        keys = [cache.key(ticker, miss.datum) for ticker in miss.tickers]
        found = {
            key: entry
            for key, reply in zip(keys, cache.store.run(*map(cache.get, keys)), strict=True)
            if (entry := cache.entry(key, reply)) is not None
            and entry.kind is Kind.VALUE
            and entry.stamp_us > permit.floor_us
        }
        if len(found) == len(keys):
            permit.stamp_us = min(entry.stamp_us for entry in found.values())
        keep = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.reader.stale_us)
        return [Write(key, entry, keep) for key, entry in found.items()]


def closes_of(reader: Reader, found: "Sequence[Snapshot]", datum: Datum, permit: Permit) -> Datum | None:
    """The datum that a bar's close stands for among these: none, as long as any has it or the plan may. Where the plan has no
    quotes (or trades), closes are the best there is for everybody.
    """
    if permit.alone or any(has(snapshot, datum, None) for snapshot in found):
        return None
    try:
        return datum if reader.single_flight.gate.denied(LADDERS[datum][0], permit.stamp_us) else None
    except StoreDown:
        return None


def kind_of_closes(needed: Datum | None) -> Kind:
    """What the close of a bar counts as: a value where it stands for a datum of everybody, else a stand-in."""
    return Kind.VALUE if needed else Kind.STAND_IN


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """A market makes a hundred thousand objects and no cycle among them: looking for some takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
