"""The entries that one upstream answer makes: a snapshot makes those of its quote and trade, too, which need no other fetch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import CHUNK, EntryCache, Write
from dekr.cache.freshness import DataClass, keep_us
from dekr.cache.keys import Datum
from dekr.data_source import DataSource
from dekr.errors import DekrError, UnknownSymbol, UpstreamInvalid, UpstreamNotEntitled
from dekr.flaws import BROKEN, ONE_SUSPECT
from dekr.market.quotes.sources import BAR_SOURCES
from dekr.sessions import previous_close_us

if TYPE_CHECKING:
    from dekr.polygon.latest import Latest, Snapshot

NOT_FOUND: Final = "NOT_FOUND"
NOT_ENTITLED: Final = "NOT_ENTITLED"


@dataclass(frozen=True, slots=True)
class EntryBuilder:
    """Makes the writes of real-time data fetched at ``stamp_us``.

    ``closes``: the kind of an entry made of a bar's close: a value where the ticker has nothing better, a stand-in where that is
    not known.
    """

    cache: EntryCache
    stamp_us: int
    stale_us: int
    closes: Kind = Kind.VALUE

    def latest(self, ticker: str, datum: Datum, found: "Latest") -> Write:
        """The entry of a ticker's latest quote or trade."""
        payload = {"source": found.source, "delayed": found.delayed, "fields": found.fields}
        return self._write(ticker, datum, payload, self.closes if found.source in BAR_SOURCES else Kind.VALUE)

    def snapshot(self, found: "Snapshot", datum: Datum, close_datum: Datum | None = None) -> list[Write]:
        """The entries of a snapshot: itself under ``datum``, its quote and its trade.

        A bar's close stands for ``close_datum`` alone (quote or trade): it must not take the place of a real one.
        """
        ticker = found.ticker
        flaws = ONE_SUSPECT.kept() if found.suspect else {}
        writes = [self._write(ticker, datum, {"delayed": found.delayed, "sent": found.fields, **flaws}, Kind.VALUE)]
        writes += [
            self.latest(ticker, name, latest)
            for name, latest in ((Datum.QUOTE, found.quote), (Datum.TRADE, found.trade))
            if latest is not None and (latest.source is DataSource.SNAPSHOT or name == close_datum)
        ]
        return writes

    def for_readers(
        self, tickers: Sequence[str], found: "Mapping[str, Snapshot]", shape: Datum, datum: Datum
    ) -> list[Write]:
        """The entries that readers of these tickers' ``datum`` wait for, from what was found in the ``shape`` of an endpoint.

        A minute bar's close or the previous day's stands for it where there is nothing newer. The universal snapshot says of
        each ticker whether it exists; other snapshots leave out tickers that they do not know, so these get no entry here. Neither
        do those whose snapshot is broken: the next source may have them.
        """
        writes: list[Write] = []
        for ticker in tickers:
            snapshot = found.get(ticker)
            error_code = NOT_FOUND if snapshot is None else snapshot.error
            if snapshot is None or error_code is not None:
                if shape == Datum.UNIVERSAL and error_code != BROKEN:
                    writes += [self.negative(ticker, name, error_code or NOT_FOUND) for name in (shape, datum)]
                continue
            writes += self.snapshot(snapshot, shape, datum)
            if snapshot.latest(datum) is None:
                closed_us = previous_close_us(self.stamp_us)
                close = closed_us and snapshot.close(closed_us)
                writes.append(self.latest(ticker, datum, close) if close else self.negative(ticker, datum))
        return writes

    def write_all(self, found: "Sequence[Snapshot]", shape: Datum, close_datum: Datum | None) -> None:
        """Write the entries of snapshots that no reader waits for. Raises StoreDown where the store has not taken all of them."""
        for start in range(0, len(found), CHUNK):
            writes: list[Write] = []
            for snapshot in found[start : start + CHUNK]:
                writes += self.snapshot(snapshot, shape, close_datum)
            self.cache.store.run(*self.cache.put(writes, copy=False))

    def promoted(self, ticker: str, datum: Datum, stand_in: Entry) -> Write:
        """The entry of a stand-in that turned out to be the best there is."""
        entry = Entry(stand_in.stamp_us, Kind.VALUE, stand_in.payload)
        return Write(self.cache.key(ticker, datum), entry, _keep_us(self.stamp_us, self.stale_us))

    def negative(self, ticker: str, datum: Datum, error_code: str = NOT_FOUND) -> Write:
        """The entry that remembers for a short time that there is no data, with the upstream's error code."""
        key = self.cache.key(ticker, datum)
        return Write.negative(key, self.stamp_us, json.dumps(error_code).encode())

    def _write(self, ticker: str, datum: Datum, payload: dict[str, Any], kind: Kind) -> Write:
        entry = Entry(self.stamp_us, kind, to_json(payload))
        return Write(self.cache.key(ticker, datum), entry, _keep_us(self.stamp_us, self.stale_us))


@lru_cache(maxsize=1)
def _keep_us(stamp_us: int, stale_us: int) -> int:
    return keep_us(stamp_us, DataClass.REAL_TIME, stale_us)


def refusal(entry: Entry, ticker: str) -> DekrError:
    """The error that a negative entry stands for."""
    if entry.parsed == NOT_ENTITLED:
        return UpstreamNotEntitled(f"The data plan behind this service does not include {ticker}.")
    if entry.parsed == BROKEN:
        return UpstreamInvalid(
            f"The data provider sent data of {ticker} that cannot be used.", fault="left out of a list"
        )
    return UnknownSymbol(f"There is no ticker {ticker}.")


def lacking(cache: EntryCache, tickers: Sequence[str], datum: Datum, writes: Sequence[Write]) -> list[str]:
    """The tickers that have no entry of this datum among the writes."""
    brought = {write.key for write in writes}
    return [ticker for ticker in tickers if cache.key(ticker, datum) not in brought]


def has(found: "Snapshot | None", datum: Datum, close_datum: Datum | None) -> bool:
    """Whether the snapshot has the ticker's quote (or trade) itself or, where there is a ``close_datum``, a bar's close."""
    latest = None if found is None else found.latest(datum)
    return latest is not None and (latest.source is DataSource.SNAPSHOT or close_datum is not None)
