"""The fetch of a missing quote, shared with other tickers: one call refreshes the tickers that are in demand, too.

Whoever holds the lease of a missing quote decides how much one call should bring: that quote alone, the best 250, or the whole
market (dekr.market.quotes.refresh_policy). What a shared call does not bring is fetched as if there had been none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.call import Family
from dekr.gate.permit import Permit, not_entitled
from dekr.market.demand.forecast import Forecast
from dekr.market.quotes.entries import NOT_ENTITLED, NOT_FOUND, EntryBuilder, lacking
from dekr.market.quotes.market_refresh import REFRESH_LEASE_MS, MarketRefresh
from dekr.market.quotes.refresh_policy import RefreshScope
from dekr.market.quotes.stand_ins import close_datum_of, kind_of_closes
from dekr.market.read.fetch import Fetch, Incomplete
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import SNAPSHOTS, UNIVERSAL
from dekr.polygon.failures import NotEntitled

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot


class BestSource(Protocol):
    """The best source of the plan for tickers that are fetched alone."""

    def __call__(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        """The entries of the tickers. Raises what the client raises, and NotEntitled where the plan has no source."""
        ...


BEST: Final = (UNIVERSAL.family, SNAPSHOTS.family)
"""The endpoint families of a call for the best 250 tickers, the preferred one first."""


@contextmanager
def _keeping(writes: Sequence[Write]) -> Iterator[None]:
    """Raise an error inside as Incomplete where these writes were brought before it; else let it pass."""
    try:
        yield
    except (DekrError, NotEntitled) as error:
        if not writes:
            raise
        raise Incomplete(list(writes), error if isinstance(error, DekrError) else not_entitled("status 403")) from error


@dataclass(frozen=True, slots=True, eq=False)
class SharedRefresh:
    """Makes fetches that many tickers share. ``client`` makes the upstream client on the first miss, so that hits never load it."""

    reader: Reader
    client: "Callable[[], PolygonClient]"
    _market: MarketRefresh = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_market", MarketRefresh(self.reader, self.client))

    def builder(self, permit: Permit, closes: Kind = Kind.VALUE) -> EntryBuilder:
        """The builder of entries that a fetch with this permit brings; ``closes``: the kind of entries made of bars' closes."""
        return EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us, closes)

    def lacking(self, tickers: Sequence[str], datum: Datum, writes: Sequence[Write]) -> list[str]:
        """The tickers that have no entry of this datum among the writes."""
        return lacking(self.reader.cache, tickers, datum, writes)

    def fetch(self, permit: Permit, tickers: Sequence[str], datum: Datum, source: BestSource) -> list[Write]:
        """The entries of these tickers' quotes or trades, and of other data in the same answers: in one call with other tickers,
        and what that does not bring from the ``source``, as if there had been no such call.

        Raises what the client raises, NotEntitled where the plan has no source, and Incomplete where some entries were brought
        before the fetch failed.
        """
        families = permit.families
        writes = self._with_others(permit, tickers, datum)
        left = self.lacking(tickers, datum, writes)
        if not left:
            return writes
        with _keeping(writes):
            if permit.families != families:
                permit.turn_to(families)
            return writes + source(left, permit)

    def _with_others(self, permit: Permit, tickers: Sequence[str], datum: Datum) -> list[Write]:
        """The entries of these tickers' quotes or trades from a call that brings other tickers, too, and writes those; none where
        the policy is to fetch these tickers alone, or the call fails. The permit may have turned to other families afterwards.

        Raises UpstreamDown where another sandbox has taken over the lease, and BudgetSpent, StoreDown.
        """
        if permit.alone:
            return []
        try:
            forecast = self.reader.demand.forecast(permit.floor_us)
        except StoreDown as error:
            # Perhaps only the part of the store that has the record is down.
            self.reader.passed_over.note(error)
            return []
        scope = RefreshScope(tickers, datum, forecast)
        if not scope.shared:
            return []
        # The whole market was fetched not too long ago for this reader: these tickers are not in it.
        unlisted = forecast.market_us > permit.floor_us
        if not unlisted:
            try:
                return self._market.fetch_or_join(permit, scope)
            except (UpstreamNotEntitled, UpstreamInvalid) as error:
                self.reader.passed_over.note(error)
            except (UpstreamDown, DeadlineExceeded) as error:
                self.reader.passed_over.note(error)
                if permit.outcome.attempts:
                    # The failed call has taken a reader's time already.
                    return []
        return self._best(permit, scope, (UNIVERSAL.family,) if unlisted else BEST)

    def refresh(self, deadline: Deadline, forecast: Forecast) -> int:
        """Make one shared refresh of the tickers that the forecast expects to be read. No reader waits for it, and it takes nothing
        of the part of the budget that is reserved.

        Returns how many calls it made. Raises what the gate and the fetch raise.
        """
        scope = RefreshScope((), Datum.QUOTE, forecast)
        for fetch in self._fetches(scope) if scope.shared else ():
            try:
                return self.reader.single_flight.fetch(fetch, self.reader.now_us(), deadline)
            except (UpstreamNotEntitled, UpstreamInvalid) as error:
                self.reader.passed_over.note(error)
        return 0

    def _fetches(self, scope: RefreshScope) -> Iterator[Fetch]:
        """The fetches to try, the better one first."""
        yield self._market.fetch_of(scope)
        others = scope.best_others()
        if others:
            yield Fetch(Lease.BEST_QUOTES, BEST, REFRESH_LEASE_MS, _BestFetcher(self, scope, others))

    def _best(self, permit: Permit, scope: RefreshScope, families: tuple[Family, ...]) -> list[Write]:
        """The entries of the tickers from a call for them and the best of the others, up to 250 in all; none where there are no
        others, or the call fails.
        """
        next_families, others = permit.families, scope.best_others()
        if not others:
            return []
        try:
            permit.turn_to(families)
            return self.fetch_best(permit, scope, others, next_families)
        except (UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, NotEntitled) as error:
            self.reader.passed_over.note(error)
            return []

    def fetch_best(
        self, permit: Permit, scope: RefreshScope, others: Sequence[str], next_families: tuple[Family, ...] = BEST
    ) -> list[Write]:
        """Fetch the tickers and others in one call; write the others and return the entries of the tickers.

        ``next_families``: the families that are called next for what this does not bring.
        """
        names = [*scope.tickers, *others]
        found = self._snapshots(names, permit)
        shape = Datum.UNIVERSAL if permit.family == UNIVERSAL.family else Datum.SNAPSHOT
        known = {snapshot.ticker: snapshot for snapshot in found}
        close_datum = close_datum_of(self.reader.single_flight, found, scope.datum, permit)
        builder = self.builder(permit, kind_of_closes(close_datum))
        refreshed = [known[name] for name in others if name in known and known[name].error is None]
        try:
            builder.write_all(refreshed, shape, close_datum)
            self.reader.cache.store.run(*self.reader.demand.refreshed(permit.stamp_us, names))
        except StoreDown as error:
            # Entries of other tickers that the store did not take are theirs to fetch.
            self.reader.passed_over.note(error)
        if shape is Datum.UNIVERSAL and UNIVERSAL.family in next_families:
            # A fetch of these tickers alone would call the universal snapshot again.
            return builder.for_readers(scope.tickers, known, shape, scope.datum)
        writes: list[Write] = []
        for name in scope.tickers:
            error_code = known[name].error if name in known else NOT_ENTITLED
            if error_code is None:
                writes += builder.snapshot(known[name], shape, close_datum)
            elif error_code == NOT_FOUND:
                writes += [builder.negative(name, datum) for datum in (shape, scope.datum)]
        return writes

    def _snapshots(self, names: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if permit.family == UNIVERSAL.family:
            try:
                return client.universal(names, permit)
            except NotEntitled:
                permit.step_down()
        return client.snapshots(names, permit)


@dataclass(frozen=True, slots=True, eq=False)
class _BestFetcher:
    """Fetches the best tickers where no reader waits; a ``dekr.market.read.fetch.Fetcher``."""

    shared: SharedRefresh
    scope: RefreshScope
    others: Sequence[str]

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """Fetch the tickers, and write their entries. Raises what the client raises."""
        del missing, cached
        return self.shared.fetch_best(permit, self.scope, self.others)
