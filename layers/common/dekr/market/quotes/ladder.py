"""The fetch of one ticker's latest quote or trade: in one call with other tickers', else from the best source of the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum
from dekr.errors import UnknownSymbol, UpstreamNotEntitled
from dekr.gate.call import Family
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import EntryBuilder
from dekr.market.quotes.shared_refresh import SharedRefresh
from dekr.market.quotes.sources import LADDERS
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import LAST_QUOTE, LAST_TRADE, NEWEST_MINUTE, PREVIOUS_CLOSE, SNAPSHOT
from dekr.polygon.failures import NotEntitled

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Latest

_OF_BARS: Final = (NEWEST_MINUTE.family, PREVIOUS_CLOSE.family)
"""The families whose answers are bars."""


@dataclass(frozen=True, slots=True, eq=False)
class LadderFetcher:
    """Fetches a ticker's latest ``datum`` (quote or trade); a ``dekr.market.read.fetch.Fetcher``."""

    shared: SharedRefresh
    ticker: str
    datum: Datum

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the datum, and of other data in the same answer. Raises what the client raises, NotEntitled where the plan
        has no source, and Incomplete where other entries were brought before the fetch failed.
        """
        (requirement,) = missing
        kept = cached.get(requirement.key)
        stand_in = kept if kept is not None and kept.kind is Kind.STAND_IN else None
        return self.shared.fetch(permit, [self.ticker], self.datum, partial(self._from_best_source, stand_in))

    def _from_best_source(self, stand_in: Entry | None, _: Sequence[str], permit: Permit) -> list[Write]:
        """The entry from the best source that the plan includes and that has a price.

        ``stand_in``: a close that a batch has found of the ticker, which shows that the ticker exists.
        """
        builder = self.shared.builder(permit)
        family = permit.family
        while True:
            if stand_in is not None and stand_in.stamp_us > permit.floor_us and family in _OF_BARS:
                # A fetch would bring the same close.
                permit.stamp_us = stand_in.stamp_us
                return [builder.promoted(self.ticker, self.datum, stand_in)]
            try:
                writes = self._from(family, permit, builder)
            except UnknownSymbol:
                if stand_in is None:
                    break
                writes = []
            if writes:
                return writes
            if self._is_last(family):
                break
            family = permit.step_down()
        return [builder.negative(self.ticker, self.datum)]

    def _from(self, family: Family, permit: Permit, builder: EntryBuilder) -> list[Write]:
        """The entries that this family gives; none where the plan does not include it, or it knows no price."""
        client = self.shared.client()
        try:
            if family == SNAPSHOT.family:
                found = client.snapshot(self.ticker, permit)
                if found is None or found.latest(self.datum) is None:
                    return []
                return builder.snapshot(found, Datum.SNAPSHOT, self.datum)
            latest = self._request(client, family, permit)
        except (NotEntitled, UpstreamNotEntitled):
            # Refused by the plan, or by the gate, which has learned of the plan since it granted the permit.
            if self._is_last(family):
                raise
            return []
        return [] if latest is None else [builder.latest(self.ticker, self.datum, latest)]

    def _request(self, client: "PolygonClient", family: Family, permit: Permit) -> "Latest | None":
        if family == LAST_QUOTE.family:
            return client.last_nbbo(self.ticker, permit)
        if family == LAST_TRADE.family:
            return client.last_trade(self.ticker, permit)
        if family == NEWEST_MINUTE.family:
            return client.newest_minute(self.ticker, permit)
        return client.previous_close(self.ticker, permit)

    def _is_last(self, family: Family) -> bool:
        return family == LADDERS[self.datum][-1].family
