"""Snapshots: a ticker's day so far, its previous day, its last minute, quote and trade, in one object.

The upstream has them in two shapes: of one ticker or of several (v2), and the universal one (v3), which says in the place
of a ticker that it does not know it. Each is kept as it was sent; both make the entries of the quote and the trade, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, lease_of
from dekr.errors import DekrError
from dekr.gate.permit import Permit
from dekr.market.quotes.entries import MARKET_FAMILY, NOT_FOUND, EntryBuilder, refusal
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, real_time

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot

LEASE_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The service of snapshots in the shape that ``datum`` names, which is also the endpoint family of one ticker's.

    ``client`` is asked for on the first miss.
    """

    reader: Reader
    client: "Callable[[], PolygonClient]"
    datum: Datum

    def get(self, context: ReadContext, tickers: Sequence[str]) -> dict[str, dict[str, Any] | DekrError]:
        """The snapshots of these tickers as sent, all that is missing fetched in one call; or the error that stands in a
        ticker's place.
        """
        keys = {self.reader.cache.key(ticker, self.datum): ticker for ticker in tickers}
        requirements = [real_time(key) for key in keys]
        fetch = Fetch(
            lease_of(self.datum, tickers),
            (MARKET_FAMILY if self.datum == Datum.SNAPSHOT and len(tickers) > 1 else self.datum,),
            LEASE_MS,
            lambda permit, missing, _: self._fetch([keys[requirement.key] for requirement in missing], permit),
        )
        entries = self.reader.read(context, requirements, fetch)
        context.source = "snapshot"
        return {ticker: self._sent(context, ticker, entries[key]) for key, ticker in keys.items()}

    def _sent(self, context: ReadContext, ticker: str, entry: Entry) -> dict[str, Any] | DekrError:
        if entry.kind is Kind.NEGATIVE:
            return refusal(entry, ticker)
        found: Mapping[str, Any] = entry.view(lambda data: data)
        context.delayed = context.delayed or found["delayed"]
        sent: dict[str, Any] = found["sent"]
        return sent

    def _fetch(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        builder = EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us)
        writes: list[Write] = []
        words: dict[str, str | None] = dict.fromkeys(tickers, NOT_FOUND)
        for snapshot in self._ask(tickers, permit):
            words[snapshot.ticker] = snapshot.error
            if snapshot.error is None:
                writes += builder.snapshot(snapshot, self.datum)
        return writes + [
            builder.nothing(ticker, self.datum, word) for ticker, word in words.items() if word is not None
        ]

    def _ask(self, tickers: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if self.datum == Datum.UNIVERSAL:
            return client.universal(tickers, permit)
        if len(tickers) == 1:
            one = client.snapshot(tickers[0], permit)
            return [] if one is None else [one]
        return client.snapshots(tickers, permit)
