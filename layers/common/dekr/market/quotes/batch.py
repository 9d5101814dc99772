"""Quotes of many tickers at once: one round trip where all are cached, one upstream call for all that are not."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, Lease, lease_of
from dekr.errors import DekrError
from dekr.gate.permit import Permit
from dekr.market.passthrough.service import LEASE_MS
from dekr.market.quotes.entries import MARKET_FAMILY, EntryBuilder, lacking, refusal
from dekr.market.quotes.market_refresh import closes_of, kind_of_closes
from dekr.market.quotes.service import answer_of
from dekr.market.quotes.shared_refresh import SharedRefresh
from dekr.market.read.context import ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, Requirement, real_time
from dekr.polygon.failures import NotEntitled
from dekr.sessions import previous_day

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.latest import Snapshot

MAX_PLANS: Final = 128
MIXED: Final = "mixed"
"""The source of an answer whose parts have several."""

LADDER: Final = (Datum.UNIVERSAL, MARKET_FAMILY, "grouped")
"""Universal snapshots, the tickers' own; where the plan lacks both, the bars of the whole market's previous day."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch wants (its tickers by key), and how to get what is missing."""

    tickers: dict[str, str]
    requirements: list[Requirement]
    fetch: Fetch


@dataclass(frozen=True, slots=True)
class QuoteBatches:
    """The batch service. ``client`` is asked for on the first miss."""

    reader: Reader
    client: "Callable[[], PolygonClient]"
    shared: SharedRefresh
    _plan: Callable[[tuple[str, ...]], Plan] = field(init=False)

    def __post_init__(self) -> None:
        # Who asks for a batch asks for the same one again.
        object.__setattr__(self, "_plan", lru_cache(MAX_PLANS)(self._plan_of))

    def get(self, context: ReadContext, tickers: Sequence[str]) -> dict[str, str | DekrError]:
        """The JSON of each ticker's quote, or the error that stands in its place; in the order asked. Without any ticker the
        request is paid all the same.

        Raises what the fetch raises where no ticker at all can be served.
        """
        plan = self._plan(tuple(tickers))
        entries = self.reader.read(context, plan.requirements, plan.fetch)
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
                if context.source != answer.source:
                    context.source = answer.source if context.source is None else MIXED
                served[ticker], found[ticker] = entry.stamp_us, answer.text
        self.reader.demand.note_all(served, context.policy.real_time_s)
        return found

    def _plan_of(self, tickers: tuple[str, ...]) -> Plan:
        keys = {self.reader.cache.key(ticker, Datum.QUOTE): ticker for ticker in tickers}
        lease = lease_of("batch", tickers)
        fetch = Fetch(
            lease,
            LADDER,
            LEASE_MS,
            lambda permit, missing, _: self._fetch([keys[requirement.key] for requirement in missing], permit),
            partial=True,
            covered_by=Lease.MARKET_QUOTES,
        )
        return Plan(keys, [real_time(key, stand_in=True) for key in keys], fetch)

    def _fetch(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        return self.shared.fetch(permit, tickers, Datum.QUOTE, lambda left: self._own(left, permit))

    def _own(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        writes: list[Write] = []
        universal, snapshots = self.client().universal, self.client().snapshots
        for family, shape, context in (
            (Datum.UNIVERSAL, Datum.UNIVERSAL, universal),
            (MARKET_FAMILY, Datum.SNAPSHOT, snapshots),
        ):
            if permit.family != family:
                continue
            with suppress(NotEntitled):
                found = {snapshot.ticker: snapshot for snapshot in context(tickers, permit)}
                writes = self._harvest(permit, list(found.values())).asked(tickers, found, shape, Datum.QUOTE)
            tickers = lacking(self.reader.cache, tickers, Datum.QUOTE, writes)
            if not tickers:
                return writes
            permit.step_down()
        return writes + self._closes(tickers, permit)

    def _harvest(self, permit: Permit, found: "Sequence[Snapshot]") -> EntryBuilder:
        closes = kind_of_closes(closes_of(self.reader, found, Datum.QUOTE, permit))
        return EntryBuilder(self.reader.cache, permit.stamp_us, self.reader.stale_us, closes)

    def _closes(self, tickers: Sequence[str], permit: Permit) -> list[Write]:
        """The previous day's closes."""
        builder = self._harvest(permit, ())
        found = self.client().grouped(previous_day(permit.stamp_us).isoformat(), permit)
        return [
            builder.latest(ticker, Datum.QUOTE, found[ticker])
            if ticker in found
            else builder.nothing(ticker, Datum.QUOTE)
            for ticker in tickers
        ]
