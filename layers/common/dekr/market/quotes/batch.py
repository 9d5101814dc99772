"""Quotes of many tickers at once: one round trip where all are cached, one upstream call for all that are not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease, lease_of, slot_of
from dekr.data_source import DataSource
from dekr.errors import DekrError
from dekr.flaws import BROKEN
from dekr.gate.permit import Permit
from dekr.market.quotes.answer import answer_of
from dekr.market.quotes.entries import NOT_FOUND, EntryBuilder, refusal
from dekr.market.quotes.shared_refresh import SharedRefresh
from dekr.market.quotes.stand_ins import close_datum_of, kind_of_closes
from dekr.market.read.context import ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement, real_time
from dekr.polygon.endpoints import GROUPED, SNAPSHOTS, UNIVERSAL, lease_ms
from dekr.polygon.failures import NotEntitled
from dekr.sessions import previous_trading_day

if TYPE_CHECKING:
    from dekr.polygon.latest import Snapshot

MAX_PLANS: Final = 128

LADDER: Final = (UNIVERSAL, SNAPSHOTS, GROUPED)
"""Universal snapshots, the tickers' own; where the plan lacks both, the bars of the whole market's previous day."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The tickers of a batch by key, their requirements, and the fetch of those that are missing."""

    tickers: dict[str, str]
    requirements: list[Requirement]
    fetch: Fetch


@dataclass(frozen=True, slots=True, eq=False)
class QuoteBatches:
    """The service of batches. ``shared`` makes fetches that bring other tickers, too."""

    shared: SharedRefresh
    _plan: Callable[[tuple[str, ...]], BatchPlan] = field(init=False)

    def __post_init__(self) -> None:
        # Most callers read the same batch again and again.
        object.__setattr__(self, "_plan", lru_cache(MAX_PLANS)(self._plan_of))

    def get(self, context: ReadContext, tickers: Sequence[str]) -> dict[str, str | DekrError]:
        """The JSON of each ticker's quote, or the error that stands in its place; in the order given.

        A request without any ticker is charged as any other. Raises what the fetch raises where no ticker at all can be served.
        """
        plan = self._plan(tuple(tickers))
        reader = self.shared.reader
        entries = reader.read(context, plan.requirements, plan.fetch)
        served: dict[str, int] = {}
        found: dict[str, str | DekrError] = {}
        for key, ticker in plan.tickers.items():
            entry = entries.get(key)
            if entry is None:
                assert context.failure is not None, "a partial read says why it left something out"
                found[ticker] = context.failure
            elif entry.kind is Kind.NEGATIVE:
                found[ticker] = refusal(entry, ticker)
            else:
                answer = answer_of(entry, ticker, Datum.QUOTE)
                context.delayed = context.delayed or answer.delayed
                if any(answer.flaws):
                    context.flaws = context.flaws.and_(answer.flaws)
                if context.source != answer.source:
                    context.source = answer.source if context.source is None else DataSource.MIXED
                served[ticker], found[ticker] = entry.stamp_us, answer.text
        reader.demand.count_batch(served)
        return found

    def _plan_of(self, tickers: tuple[str, ...]) -> BatchPlan:
        cache = self.shared.reader.cache
        keys = {cache.key(ticker, Datum.QUOTE): ticker for ticker in tickers}
        fetch = Fetch(
            lease_of("batch", tickers),
            tuple(endpoint.family for endpoint in LADDER),
            lease_ms(*LADDER),
            BatchFetcher(self.shared),
            partial=True,
            covered_by=Lease.MARKET_QUOTES,
        )
        return BatchPlan(keys, [real_time(key, stand_in=True) for key in keys], fetch)


@dataclass(frozen=True, slots=True, eq=False)
class BatchFetcher:
    """Fetches the quotes of several tickers; a ``dekr.market.read.fetch.Fetcher``."""

    shared: SharedRefresh

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entries of the missing quotes, and of other data in the same answers. Raises what the client raises, NotEntitled
        where the plan has no source, and Incomplete where some entries were brought before the fetch failed.
        """
        del cached
        tickers = [slot_of(requirement.key) for requirement in missing]
        return self.shared.fetch(permit, tickers, Datum.QUOTE, self._from_best_source)

    def _from_best_source(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        writes: list[Write] = []
        broken: set[str] = set()
        client = self.shared.client()
        sources = (
            (UNIVERSAL.family, Datum.UNIVERSAL, client.universal),
            (SNAPSHOTS.family, Datum.SNAPSHOT, client.snapshots),
        )
        for family, shape, request in sources:
            if permit.family != family:
                continue
            with suppress(NotEntitled):
                found = {snapshot.ticker: snapshot for snapshot in request(tickers, permit)}
                broken |= {ticker for ticker, snapshot in found.items() if snapshot.error == BROKEN}
                builder = self._builder(permit, list(found.values()))
                writes += builder.for_readers(tickers, found, shape, Datum.QUOTE)
            tickers = self.shared.lacking(tickers, Datum.QUOTE, writes)
            if not tickers:
                return writes
            permit.step_down()
        return writes + self._closes(tickers, permit, broken)

    def _builder(self, permit: Permit, found: "Sequence[Snapshot]") -> EntryBuilder:
        single_flight = self.shared.reader.single_flight
        return self.shared.builder(permit, kind_of_closes(close_datum_of(single_flight, found, Datum.QUOTE, permit)))

    def _closes(self, tickers: Sequence[str], permit: Permit, broken: Collection[str]) -> list[Write]:
        """The entries of the previous day's closes. ``broken``: tickers that exist, as another source had broken data of them."""
        builder = self._builder(permit, ())
        found = self.shared.client().grouped(previous_trading_day(permit.stamp_us).isoformat(), permit)
        broken = {*broken, *found.broken}
        return [
            builder.latest(ticker, Datum.QUOTE, found.bars[ticker])
            if ticker in found.bars
            else builder.negative(ticker, Datum.QUOTE, BROKEN if ticker in broken else NOT_FOUND)
            for ticker in tickers
        ]
