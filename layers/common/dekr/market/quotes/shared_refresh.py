"""A missing quote's fetch, shared with other tickers: one call refreshes what is likely to be asked for next.

Whoever holds the lease of a missing quote weighs what one call should bring: that quote alone, the best 250, or the whole
market (dekr.market.quotes.market_refresh). What a shared call does not bring is fetched as if there had been none.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit, not_entitled
from dekr.market.demand.record import NO_FLOOR, Forecast
from dekr.market.quotes.entries import (
    MARKET_FAMILY,
    NOT_ENTITLED,
    NOT_FOUND,
    EntryBuilder,
    lacking,
)
from dekr.market.quotes.market_refresh import LEASE_MS, MarketRefresh, closes_of, kind_of_closes
from dekr.market.quotes.refresh_policy import Miss, Scope, market_at, relief, weighed
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, Incomplete
from dekr.polygon.failures import NotEntitled

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot

BEST: Final = (Datum.UNIVERSAL, MARKET_FAMILY)
"""The families of a call for the best 250."""


@dataclass(frozen=True, slots=True)
class SharedRefresh:
    """Makes shared fetches. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"
    _market: MarketRefresh = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_market", MarketRefresh(self.reader, self.client))

    def fetch(
        self, permit: Permit, tickers: Sequence[str], datum: Datum, own: Callable[[Sequence[str]], list[Write]]
    ) -> list[Write]:
        """These tickers' quotes or trades: of one call that also brings those whose refresh is worth most, where that is worth it
        and can be had; what it does not bring is fetched by ``own``. Raises what that does, Incomplete where the call has brought
        something, BudgetSpent, StoreDown, and UpstreamDown where another sandbox has taken over.
        """
        families = permit.families
        writes = [] if permit.alone else self._along(permit, tickers, datum)
        left = lacking(self.reader.cache, tickers, datum, writes)
        if not left:
            return writes
        try:
            if permit.families != families:
                permit.turn_to(families)
            return writes + own(left)
        except (DekrError, NotEntitled) as error:
            if not writes:
                raise
            raise Incomplete(writes, error if isinstance(error, DekrError) else not_entitled()) from error

    def _along(self, permit: Permit, tickers: Sequence[str], datum: Datum) -> list[Write]:
        """What a shared call brings of the tickers."""
        try:
            forecast = self.reader.demand.forecast(permit.floor_us)
        except StoreDown:
            # It may be the part of the store that has the record alone.
            return []
        miss = Miss(tickers, datum, weighed(tickers, forecast), forecast)
        # The whole market was fetched not too long ago for this reader: these tickers are not in it.
        unlisted = forecast.market_us > permit.floor_us
        if miss.choice.scope is Scope.MARKET and not unlisted:
            try:
                return self._market.share(permit, miss)
            except (UpstreamNotEntitled, UpstreamInvalid):
                pass
            except (UpstreamDown, DeadlineExceeded):
                if permit.calls:
                    # It took a reader's time already.
                    return []
        if miss.choice.scope is not Scope.ONE:
            return self._best(permit, miss, (Datum.UNIVERSAL,) if unlisted else BEST)
        return []

    def refresh(self, deadline: Deadline, forecast: Forecast | None = None) -> int:
        """One shared refresh for nobody in particular, outside the part of the budget that is reserved; returns how many calls it
        made. ``outlook``: what to expect, where that is not the present one. Raises what the gate and the fetch raise.
        """
        forecast = forecast or self.reader.demand.forecast(NO_FLOOR)
        miss = Miss((), Datum.QUOTE, weighed((), forecast), forecast)
        fetches: list[Fetch] = []
        if miss.choice.scope is Scope.MARKET:
            fetches.append(self._market.fetch(miss, lambda _: None))
        if miss.choice.scope is not Scope.ONE:
            fetches.append(Fetch(Lease.BEST_QUOTES, BEST, LEASE_MS, lambda permit, *_: self._many(permit, miss, BEST)))
        for fetch in fetches:
            with suppress(UpstreamNotEntitled, UpstreamInvalid):
                return self.reader.single_flight.fetch(fetch, self.reader.now_us(), deadline)
        return 0

    def relief(self) -> float:
        """What such a refresh would save now, less what it costs, in calls (see refresh_policy). Raises StoreDown."""
        forecast = self.reader.demand.forecast(NO_FLOOR)
        return relief(forecast.rate, *market_at(forecast))

    def _best(self, permit: Permit, miss: Miss, families: tuple[str, ...]) -> list[Write]:
        """The tickers and the best of the others, up to 250 in all, with the permit."""
        own = permit.families
        try:
            permit.turn_to(families)
            return self._many(permit, miss, own)
        except (UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, NotEntitled):
            return []

    def _many(self, permit: Permit, miss: Miss, own: tuple[str, ...]) -> list[Write]:
        """The tickers and the best of the others in one call; writes the others and returns what these have. ``own``: the families
        that are asked for what this does not bring.
        """
        names = [*miss.tickers, *miss.choice.tickers]
        found = self._snapshots(names, permit)
        shape = Datum.UNIVERSAL if permit.family == Datum.UNIVERSAL else Datum.SNAPSHOT
        known = {snapshot.ticker: snapshot for snapshot in found}
        needed = closes_of(self.reader, found, miss.datum, permit)
        builder = EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us, kind_of_closes(needed))
        along = [known[name] for name in miss.choice.tickers if name in known and known[name].error is None]
        with suppress(StoreDown):
            builder.keep(along, shape, needed)
            self.reader.cache.store.run(*self.reader.demand.refreshed(permit.stamp_us, names))
        if shape == Datum.UNIVERSAL and Datum.UNIVERSAL in own:
            # Their own fetch would ask for the same.
            return builder.asked(miss.tickers, known, shape, miss.datum)
        writes: list[Write] = []
        for name in miss.tickers:
            word = known[name].error if name in known else NOT_ENTITLED
            if word is None:
                writes += builder.snapshot(known[name], shape, needed)
            elif word == NOT_FOUND:
                writes += [builder.nothing(name, datum) for datum in (shape, miss.datum)]
        return writes

    def _snapshots(self, names: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if permit.family == Datum.UNIVERSAL:
            try:
                return client.universal(names, permit)
            except NotEntitled:
                permit.step_down()
        return client.snapshots(names, permit)
