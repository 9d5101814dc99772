"""Entries that one upstream answer makes: a snapshot holds a quote and a trade, too, and nobody has to fetch those again."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass, keep_us
from dekr.cache.tier_cache import TierCache, Write
from dekr.errors import DekrError, UnknownSymbol, UpstreamNotEntitled

if TYPE_CHECKING:
    from dekr.polygon.snapshots import Latest, Snapshot

QUOTE: Final = "quote"
TRADE: Final = "trade"
SNAPSHOT: Final = "snapshot"
UNIVERSAL: Final = "universal"

NOT_FOUND: Final = "NOT_FOUND"
NOT_ENTITLED: Final = "NOT_ENTITLED"


@dataclass(frozen=True, slots=True)
class Harvest:
    """Makes the writes of real-time data fetched at ``stamp_us``."""

    cache: TierCache
    stamp_us: int
    stale_us: int

    def latest(self, ticker: str, datum: str, found: "Latest") -> Write:
        """The entry of a ticker's latest quote or trade."""
        return self._value(ticker, datum, {"source": found.source, "delayed": found.delayed, "fields": found.fields})

    def snapshot(self, found: "Snapshot", datum: str, needed: str | None = None) -> list[Write]:
        """The entries of a snapshot: itself under ``datum``, its quote and its trade.

        A bar's close stands for the ``needed`` one of these only: it must not take the place of a real quote or trade.
        """
        ticker = found.ticker
        writes = [self._value(ticker, datum, {"delayed": found.delayed, "sent": found.fields})]
        writes += [
            self.latest(ticker, name, latest)
            for name, latest in ((QUOTE, found.quote), (TRADE, found.trade))
            if latest is not None and (latest.source == "snapshot" or name == needed)
        ]
        return writes

    def nothing(self, ticker: str, datum: str, word: str = NOT_FOUND) -> Write:
        """The entry that remembers for a short time that there is none, and the upstream's word why."""
        key = self.cache.key(ticker, datum)
        return Write(key, Entry(self.stamp_us, Kind.NEGATIVE, json.dumps(word).encode()), NEGATIVE_AGE_US)

    def _value(self, ticker: str, datum: str, payload: dict[str, Any]) -> Write:
        text = json.dumps(payload, separators=(",", ":")).encode()
        keep = keep_us(self.stamp_us, DataClass.REAL_TIME, self.stale_us)
        return Write(self.cache.key(ticker, datum), Entry(self.stamp_us, Kind.VALUE, text), keep)


def refusal(entry: Entry, ticker: str) -> DekrError:
    """The error that a negative entry stands for."""
    if entry.view(lambda word: word) == NOT_ENTITLED:
        return UpstreamNotEntitled(f"The data plan behind this service does not include {ticker}.")
    return UnknownSymbol(f"There is no ticker {ticker}.")
