"""Snapshots: a ticker's day so far, its previous day, its last minute, quote and trade, in one object.

The upstream has them in two shapes: of one ticker or of several (v2), and the universal one (v3), which names an error in
the place of a ticker that it does not know. Each is kept as it was sent; both make the entries of the quote and the trade, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, lease_of, slot_of
from dekr.data_source import DataSource
from dekr.errors import DekrError, UpstreamInvalid
from dekr.flaws import ONE_DROPPED, Flaws
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import NOT_FOUND, EntryBuilder, refusal
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement, real_time
from dekr.polygon.endpoints import SNAPSHOT, SNAPSHOTS, UNIVERSAL, Endpoint

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """The service of snapshots in the shape of ``datum``, SNAPSHOT (v2) or UNIVERSAL (v3).

    It is the ``dekr.market.read.fetch.Fetcher`` of what it serves. ``client`` makes the upstream client on the first miss, so that
    hits never load it.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"
    datum: Datum

    def get(self, context: ReadContext, tickers: Sequence[str]) -> dict[str, dict[str, Any] | DekrError]:
        """The snapshots of these tickers as sent, or the error that stands in a ticker's place. One call fetches all that is
        missing.
        """
        keys = {self.reader.cache.key(ticker, self.datum): ticker for ticker in tickers}
        requirements = [real_time(key) for key in keys]
        endpoint = self._endpoint(len(tickers))
        fetch = Fetch(lease_of(self.datum, tickers), (endpoint.family,), endpoint.lease_ms, self)
        entries = self.reader.read(context, requirements, fetch)
        context.source = DataSource.SNAPSHOT
        return {ticker: self._sent(context, ticker, entries[key]) for key, ticker in keys.items()}

    def one(self, context: ReadContext, ticker: str) -> dict[str, Any]:
        """The snapshot of this ticker as sent. Raises UnknownSymbol, UpstreamNotEntitled."""
        snapshot = self.get(context, [ticker])[ticker]
        if isinstance(snapshot, DekrError):
            raise snapshot
        return snapshot

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entries of the missing snapshots, and of the quotes and trades in them. Raises what the client raises."""
        del cached
        tickers = [slot_of(requirement.key) for requirement in missing]
        builder = EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us)
        writes: list[Write] = []
        error_codes: dict[str, str | None] = dict.fromkeys(tickers, NOT_FOUND)
        for snapshot in self._request(tickers, permit):
            error_codes[snapshot.ticker] = snapshot.error
            if snapshot.error is None:
                writes += builder.snapshot(snapshot, self.datum)
        return writes + [
            builder.negative(ticker, self.datum, error_code)
            for ticker, error_code in error_codes.items()
            if error_code is not None
        ]

    def _endpoint(self, tickers: int) -> Endpoint:
        if self.datum is Datum.UNIVERSAL:
            return UNIVERSAL
        return SNAPSHOT if tickers == 1 else SNAPSHOTS

    def _request(self, tickers: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if self.datum is Datum.UNIVERSAL:
            return client.universal(tickers, permit)
        if len(tickers) == 1:
            one = client.snapshot(tickers[0], permit)
            return [] if one is None else [one]
        return client.snapshots(tickers, permit)

    def _sent(self, context: ReadContext, ticker: str, entry: Entry) -> dict[str, Any] | DekrError:
        if entry.kind is Kind.NEGATIVE:
            error = refusal(entry, ticker)
            if isinstance(error, UpstreamInvalid):
                context.flaws = context.flaws.and_(ONE_DROPPED)
            return error
        found: Mapping[str, Any] = entry.parsed
        context.flaws = context.flaws.and_(Flaws.of(found))
        context.delayed = context.delayed or found["delayed"]
        sent: dict[str, Any] = found["sent"]
        return sent
