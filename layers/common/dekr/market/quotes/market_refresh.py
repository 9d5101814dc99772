"""The refresh of the whole market's quotes and trades: one call for all who would make it, under a lease of its own.

The holder of a quote's lease who finds the market's lease taken waits, but not for long. Whoever fetches writes the tickers of its
own readers first, all others in chunks and only to the store: this sandbox keeps copies of what it serves.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DataClass, keep_us
from dekr.cache.keys import Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import StoreDown
from dekr.gate.gate import Done
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import EntryBuilder, has, lacking
from dekr.market.quotes.refresh_policy import RefreshScope
from dekr.market.quotes.stand_ins import close_datum_of
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import covered_wait_s
from dekr.polygon.endpoints import MARKET

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

REFRESH_LEASE_MS: Final = 8_000
"""Longer than an attempt and the writing of its entries take together; after it, a holder that was killed is replaced."""

ATTEMPT_S: Final = 4.0
"""The seconds that the whole market may take, a second attempt included, so that another fetch can follow."""

DISTRUST_MS: Final = 60_000
"""A market that was mostly wrong is not fetched again for so long."""

MAX_LACKING: Final = 1_000
"""The number of tickers in demand, the most popular first, that are remembered as absent from the market."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketRefresh:
    """Fetches the whole market. ``client`` makes the upstream client on the first miss, so that hits never load it."""

    reader: Reader
    client: "Callable[[], PolygonClient]"

    def fetch_or_join(self, permit: Permit, scope: RefreshScope) -> list[Write]:
        """The entries of the scope's tickers in the whole market: fetched with the permit's call, or by another request, for whose
        fetch this one waits. Raises what the gate and the client raise.
        """
        single_flight = self.reader.single_flight
        request = replace(
            permit.request,
            lease=Lease.MARKET_QUOTES,
            families=(MARKET.family,),
            lease_ms=REFRESH_LEASE_MS,
            covered_by=None,
        )
        max_wait_s = 0.0 if permit.request.waited else covered_wait_s(permit.deadline)
        joined = single_flight.join(permit, request, max_wait_s=max_wait_s)
        if joined is None:
            return []
        if isinstance(joined, Done):
            return self._of_another_fetch(permit, scope)
        # The lease of the ticker has aged during the wait and must last as long as the market may take: half of the time that is
        # left, so that the other half is for a fetch of the ticker alone.
        single_flight.tell(*permit.renewed())
        deadline = Deadline.after(min(ATTEMPT_S, permit.deadline.left_s() / 2), permit.deadline.monotonic)
        joined.request = replace(joined.request, deadline=deadline)
        fetcher = MarketFetcher(self, scope, permit)
        try:
            single_flight.run(_fetch_by(fetcher), joined)
        except StoreDown as error:
            # Entries of other tickers that the store did not take are theirs to fetch.
            self.reader.passed_over.note(error)
        return fetcher.brought

    def fetch_of(self, scope: RefreshScope) -> Fetch:
        """The fetch of the whole market that no reader waits for."""
        return _fetch_by(MarketFetcher(self, scope))

    def _of_another_fetch(self, permit: Permit, scope: RefreshScope) -> list[Write]:
        """The entries of the scope's tickers that another request's fetch of the whole market has just brought."""
        cache = self.reader.cache
        keys = [cache.key(ticker, scope.datum) for ticker in scope.tickers]
        found = {
            key: entry
            for key, reply in zip(keys, cache.store.run(*map(cache.get, keys)), strict=True)
            if (entry := cache.entry(key, reply)) is not None
            and entry.kind is Kind.VALUE
            and entry.stamp_us > permit.floor_us
        }
        if len(found) == len(keys):
            permit.stamp_us = min(entry.stamp_us for entry in found.values())
        kept_us = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.reader.stale_us)
        return [Write(key, entry, kept_us) for key, entry in found.items()]


@dataclass(frozen=True, slots=True, eq=False)
class MarketFetcher:
    """Fetches the whole market and writes it; a ``dekr.market.read.fetch.Fetcher``.

    ``waiting``: the permit of the scope's tickers, whose readers need not wait for all others. ``brought``: their entries.
    """

    market: MarketRefresh
    scope: RefreshScope
    waiting: Permit | None = None
    brought: list[Write] = field(default_factory=list)

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """Write all entries; returns none, as nobody waits for this fetch's return."""
        del missing, cached
        reader, scope = self.market.reader, self.scope
        with _collector_waiting():
            found = self.market.client().market(permit).snapshots
            builder = EntryBuilder(reader.cache, permit.stamp_us, reader.stale_us)
            close_datum = close_datum_of(reader.single_flight, found, scope.datum, permit)
            known = {snapshot.ticker: snapshot for snapshot in found}
            missed = [known[name] for name in scope.tickers if name in known]
            self._arrived(
                [write for snapshot in missed for write in builder.snapshot(snapshot, Datum.SNAPSHOT, close_datum)]
            )
            builder.write_all([known[name] for name in known.keys() - set(scope.tickers)], Datum.SNAPSHOT, close_datum)
            absent = [
                each.ticker
                for each in scope.forecast.tickers
                if not has(known.get(each.ticker), scope.datum, close_datum)
            ]
            reader.cache.store.run(*reader.demand.refreshed_market(permit.stamp_us, absent[:MAX_LACKING]))
        return []

    def _arrived(self, writes: Sequence[Write]) -> None:
        """Write the entries of the scope's tickers, and wake their readers if these are all."""
        if self.waiting is None:
            return
        self.brought.extend(writes)
        cache, single_flight = self.market.reader.cache, self.market.reader.single_flight
        left = lacking(cache, self.scope.tickers, self.scope.datum, writes)
        single_flight.tell(*cache.put(writes), *(() if left else self.waiting.finished()))


def _fetch_by(fetcher: MarketFetcher) -> Fetch:
    return Fetch(Lease.MARKET_QUOTES, (MARKET.family,), REFRESH_LEASE_MS, fetcher, distrust_ms=DISTRUST_MS)


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """Keep the garbage collector off: a market makes a hundred thousand objects without a cycle among them, and looking for cycles
    takes a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
