"""A missing quote's fetch, shared with other tickers: one call refreshes what is likely to be asked for next.

Whoever holds the lease of a missing quote decides how much one call should bring: that quote alone, the best 250, or the whole
market (market_refresh). What a shared call does not bring is fetched as if there had been none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.call import Family
from dekr.gate.permit import Permit, not_entitled
from dekr.market.demand.forecast import Forecast
from dekr.market.demand.record import NO_FLOOR
from dekr.market.quotes.entries import NOT_ENTITLED, NOT_FOUND, EntryBuilder, lacking
from dekr.market.quotes.market_refresh import REFRESH_LEASE_MS, MarketRefresh
from dekr.market.quotes.refresh_policy import Miss
from dekr.market.quotes.stand_ins import closes_of, kind_of_closes
from dekr.market.read.fetch import Fetch, Incomplete
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import SNAPSHOTS, UNIVERSAL
from dekr.polygon.failures import NotEntitled

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot

BEST: Final = (UNIVERSAL.family, SNAPSHOTS.family)
"""The families of a call for the best 250."""


@contextmanager
def keeping(writes: Sequence[Write]) -> Iterator[None]:
    """Turn an error inside into Incomplete where these writes were brought before it; else let it pass."""
    try:
        yield
    except (DekrError, NotEntitled) as error:
        if not writes:
            raise
        raise Incomplete(list(writes), error if isinstance(error, DekrError) else not_entitled("status 403")) from error


@dataclass(frozen=True, slots=True)
class SharedRefresh:
    """Makes shared fetches. ``client`` makes the upstream client on the first miss, so that hits never load it."""

    reader: Reader
    client: "Callable[[], PolygonClient]"
    _market: MarketRefresh = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_market", MarketRefresh(self.reader, self.client))

    def builder(self, permit: Permit, closes: Kind = Kind.VALUE) -> EntryBuilder:
        """The builder of entries that a fetch with this permit brings; ``closes``: the kind of entries made of bars' closes."""
        return EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us, closes)

    def lacking(self, tickers: Sequence[str], datum: Datum, writes: Sequence[Write]) -> list[str]:
        """The tickers of whose datum there is no entry among the writes."""
        return lacking(self.reader.cache, tickers, datum, writes)

    def refresh_along(self, permit: Permit, tickers: Sequence[str], datum: Datum) -> list[Write]:
        """The entries of these tickers' quotes or trades that one call brings along with others, where that is worth it and can
        be had; the others' entries are written. The permit may have turned to other families.

        Raises UpstreamDown where another sandbox has taken over the lease, and BudgetSpent, StoreDown.
        """
        if permit.alone:
            return []
        try:
            forecast = self.reader.demand.forecast(permit.floor_us)
        except StoreDown as error:
            # It may be the part of the store that has the record alone.
            self.reader.passed_over.note(error)
            return []
        miss = Miss(tickers, datum, forecast)
        if not miss.shared:
            return []
        # The whole market was fetched not too long ago for this reader: these tickers are not in it.
        unlisted = forecast.market_us > permit.floor_us
        if not unlisted:
            try:
                return self._market.fetch_or_join(permit, miss)
            except (UpstreamNotEntitled, UpstreamInvalid) as error:
                self.reader.passed_over.note(error)
            except (UpstreamDown, DeadlineExceeded) as error:
                self.reader.passed_over.note(error)
                if permit.outcome.calls:
                    # It took a reader's time already.
                    return []
        return self._best(permit, miss, (UNIVERSAL.family,) if unlisted else BEST)

    def refresh(self, deadline: Deadline, forecast: Forecast | None = None) -> int:
        """Make one shared refresh for nobody in particular, outside the part of the budget that is reserved.

        Returns how many calls it made. ``forecast``: what to expect, where that is not the present one. Raises what the gate
        and the fetch raise.
        """
        miss = Miss((), Datum.QUOTE, forecast or self.reader.demand.forecast(NO_FLOOR))
        if miss.settled or not miss.shared:
            return 0
        best = Fetch(Lease.BEST_QUOTES, BEST, REFRESH_LEASE_MS, _BestFetcher(self, miss, miss.along()))
        for fetch in (self._market.fetch_of(miss), best):
            try:
                return self.reader.single_flight.fetch(fetch, self.reader.now_us(), deadline)
            except (UpstreamNotEntitled, UpstreamInvalid) as error:
                self.reader.passed_over.note(error)
        return 0

    def _best(self, permit: Permit, miss: Miss, families: tuple[Family, ...]) -> list[Write]:
        """Fetch the tickers and the best of the others, up to 250 in all, with the permit; nothing where there are no others."""
        own, others = permit.families, miss.along()
        if not others:
            return []
        try:
            permit.turn_to(families)
            return self.fetch_best(permit, miss, others, own)
        except (UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, NotEntitled) as error:
            self.reader.passed_over.note(error)
            return []

    def fetch_best(
        self, permit: Permit, miss: Miss, others: Sequence[str], own: tuple[Family, ...] = BEST
    ) -> list[Write]:
        """Fetch the tickers and others in one call; write the others and return the entries of the tickers.

        ``own``: the families that are called next for what this does not bring.
        """
        names = [*miss.tickers, *others]
        found = self._snapshots(names, permit)
        shape = Datum.UNIVERSAL if permit.family == UNIVERSAL.family else Datum.SNAPSHOT
        known = {snapshot.ticker: snapshot for snapshot in found}
        needed = closes_of(self.reader.single_flight, found, miss.datum, permit)
        builder = self.builder(permit, kind_of_closes(needed))
        along = [known[name] for name in others if name in known and known[name].error is None]
        try:
            builder.write_all(along, shape, needed)
            self.reader.cache.store.run(*self.reader.demand.refreshed(permit.stamp_us, names))
        except StoreDown as error:
            # Entries of other tickers that the store did not take are theirs to fetch.
            self.reader.passed_over.note(error)
        if shape is Datum.UNIVERSAL and UNIVERSAL.family in own:
            # Their own fetch would be the same.
            return builder.for_readers(miss.tickers, known, shape, miss.datum)
        writes: list[Write] = []
        for name in miss.tickers:
            word = known[name].error if name in known else NOT_ENTITLED
            if word is None:
                writes += builder.snapshot(known[name], shape, needed)
            elif word == NOT_FOUND:
                writes += [builder.negative(name, datum) for datum in (shape, miss.datum)]
        return writes

    def _snapshots(self, names: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if permit.family == UNIVERSAL.family:
            try:
                return client.universal(names, permit)
            except NotEntitled:
                permit.step_down()
        return client.snapshots(names, permit)


@dataclass(frozen=True, slots=True)
class _BestFetcher:
    """Fetches the best tickers for nobody in particular."""

    shared: SharedRefresh
    miss: Miss
    others: Sequence[str]

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """See dekr.market.read.fetch.Fetcher."""
        del missing, cached
        return self.shared.fetch_best(permit, self.miss, self.others)
