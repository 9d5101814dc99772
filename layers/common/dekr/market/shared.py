"""A missing quote's fetch, shared with other tickers: one call refreshes what is likely to be asked for next.

Whoever holds the lease of a missing quote weighs what one call should bring: that quote alone, the best 250, or the whole
market. The market has a lease of its own, so that one call serves all who would make it; a holder who finds it taken waits,
but not for long. What a shared call does not bring is fetched as if there had been none. What comes along is written in
steps, and only in the store: copies are for what this sandbox serves.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Kind
from dekr.cache.freshness import DataClass, keep_us
from dekr.cache.tier_cache import STEP, Write
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.market.demand import NO_FLOOR, Outlook
from dekr.market.flight import longest_wait_s
from dekr.market.flow import Flow
from dekr.market.harvest import (
    LADDERS,
    MARKET,
    MARKET_FAMILY,
    NOT_ENTITLED,
    NOT_FOUND,
    QUOTE,
    SNAPSHOT,
    UNIVERSAL,
    Harvest,
)
from dekr.market.prospects import market_at, weighed
from dekr.market.wants import Fetch, Incomplete
from dekr.market.worth import Choice, Scope, relief
from dekr.polygon.failures import NotEntitled
from dekr.polygon.gate import Done
from dekr.polygon.permit import Permit, not_entitled

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient
    from dekr.polygon.snapshots import Snapshot

LEASE_MS: Final = 8_000
"""Longer than an attempt and the writing of what it brought: a holder that was killed is replaced after it."""

ATTEMPT_S: Final = 4.0
"""How long the whole market may take, a second attempt included: another fetch can follow."""

DISTRUST_MS: Final = 60_000
"""A market that was mostly wrong is not asked for again for so long."""

MOST_LACKING: Final = 1_000
"""Of the likely tickers that the market lacks so many are remembered, the likeliest."""

BEST: Final = (UNIVERSAL, MARKET_FAMILY)
"""The families of a call for the best 250."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Makes shared fetches. ``client`` is asked for on the first miss."""

    flow: Flow
    client: "Callable[[], PolygonClient]"

    def fetch(
        self, permit: Permit, tickers: Sequence[str], datum: str, own: Callable[[Sequence[str]], list[Write]]
    ) -> list[Write]:
        """These tickers' quotes or trades: of one call that also brings those whose refresh is worth most, where that is worth it
        and can be had; what it does not bring is fetched by ``own``. Raises what that does, Incomplete where the call has brought
        something, BudgetSpent, StoreDown, and UpstreamDown where another sandbox has taken over.
        """
        families = permit.families
        writes = [] if permit.alone else self._along(permit, tickers, datum)
        left = self.left(tickers, datum, writes)
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

    def _along(self, permit: Permit, tickers: Sequence[str], datum: str) -> list[Write]:
        """What a shared call brings of the tickers."""
        try:
            outlook = self.flow.demand.outlook(permit.floor_us)
        except StoreDown:
            # It may be the part of the store that has the record alone.
            return []
        miss = Miss(tickers, datum, weighed(tickers, outlook), outlook)
        # The whole market was fetched not too long ago for this reader: these tickers are not in it.
        lacking = outlook.market_us > permit.floor_us
        if miss.choice.scope is Scope.MARKET and not lacking:
            try:
                return self._market(permit, miss)
            except (UpstreamNotEntitled, UpstreamInvalid):
                pass
            except (UpstreamDown, DeadlineExceeded):
                if permit.calls:
                    # It took a reader's time already.
                    return []
        if miss.choice.scope is not Scope.ONE:
            return self._best(permit, miss, (UNIVERSAL,) if lacking else BEST)
        return []

    def refresh(self, deadline: Deadline, outlook: Outlook | None = None) -> int:
        """One shared refresh for nobody in particular, outside the part of the budget that is reserved; returns how many calls it
        made. ``outlook``: what to expect, where that is not the present one. Raises what the gate and the fetch raise.
        """
        outlook = outlook or self.flow.demand.outlook(NO_FLOOR)
        miss = Miss((), QUOTE, weighed((), outlook), outlook)
        fetches: list[Fetch] = []
        if miss.choice.scope is Scope.MARKET:
            fetches.append(self._fetch_of_market(miss, lambda _: None))
        if miss.choice.scope is not Scope.ONE:
            fetches.append(Fetch("many:market", BEST, LEASE_MS, lambda permit, *_: self._many(permit, miss, BEST)))
        for fetch in fetches:
            with suppress(UpstreamNotEntitled, UpstreamInvalid):
                return self.flow.flight.fetch(fetch, self.flow.now_us(), deadline)
        return 0

    def relief(self) -> float:
        """What such a refresh would save now, less what it costs, in calls (see dekr.market.worth). Raises StoreDown."""
        outlook = self.flow.demand.outlook(NO_FLOOR)
        return relief(outlook.rate, *market_at(outlook))

    def _market(self, permit: Permit, miss: "Miss") -> list[Write]:
        """The whole market: fetched with the permit's call, or waited for where somebody else is fetching it."""
        flight = self.flow.flight
        joined = flight.leave(
            lambda _: flight.gate.join(permit, MARKET, (MARKET_FAMILY,), LEASE_MS),
            permit.deadline,
            most_s=0.0 if permit.waited else longest_wait_s(permit.deadline),
        )
        if joined is None:
            return []
        if isinstance(joined, Done):
            return self._theirs(permit, miss)
        # The own lease has waited, too, and must last as long as the market may take.
        flight.tell(*permit.renewed())
        joined.deadline = Deadline.after(min(ATTEMPT_S, permit.deadline.left_s() / 2))
        mine = list[Write]()

        def arrived(writes: Sequence[Write]) -> None:
            mine.extend(writes)
            # Whoever waits for these need not wait for all others.
            left = self.left(miss.tickers, miss.datum, writes)
            flight.tell(*flight.cache.put(writes), *(() if left else permit.finished()))

        try:
            flight.run(self._fetch_of_market(miss, arrived), joined, (), {}, tuple)
        except StoreDown:
            # What the store did not take of the others is theirs to fetch.
            pass
        finally:
            permit.calls, permit.seconds = joined.calls, joined.seconds
        return mine

    def _theirs(self, permit: Permit, miss: "Miss") -> list[Write]:
        """What somebody else's fetch of the whole market has brought."""
        cache = self.flow.cache
        keys = [cache.key(ticker, miss.datum) for ticker in miss.tickers]
        found = {
            key: entry
            for key, reply in zip(keys, cache.store.run(*map(cache.get, keys)), strict=True)
            if (entry := cache.entry(key, reply)) is not None
            and entry.kind is Kind.VALUE
            and entry.stamp_us > permit.floor_us
        }
        if len(found) == len(keys):
            permit.stamp_us = min(entry.stamp_us for entry in found.values())
        keep = keep_us(permit.stamp_us, DataClass.REAL_TIME, self.flow.stale_us)
        return [Write(key, entry, keep) for key, entry in found.items()]

    def _best(self, permit: Permit, miss: "Miss", families: tuple[str, ...]) -> list[Write]:
        """The tickers and the best of the others, up to 250 in all, with the permit."""
        own = permit.families
        try:
            permit.turn_to(families)
            return self._many(permit, miss, own)
        except (UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, NotEntitled):
            return []

    def _fetch_of_market(self, miss: "Miss", arrived: Callable[[Sequence[Write]], None]) -> Fetch:
        """The fetch of the whole market; ``arrived`` is given what it has of the miss's tickers before all others are written."""

        def run(permit: Permit, *_: object) -> list[Write]:
            with _collector_waiting():
                found = self.client().market(permit)
                harvest = Harvest(self.flow.cache, permit.stamp_us, self.flow.stale_us)
                needed = miss.datum if self._only_bars(found, miss.datum, permit) else None
                known = {snapshot.ticker: snapshot for snapshot in found}
                arrived(
                    [
                        w
                        for name in miss.tickers
                        if name in known
                        for w in harvest.snapshot(known[name], SNAPSHOT, needed)
                    ]
                )
                self._keep(harvest, [known[name] for name in known.keys() - set(miss.tickers)], SNAPSHOT, needed)
                lacking = [
                    each.ticker for each in miss.outlook.likely if not _has(known.get(each.ticker), miss.datum, needed)
                ]
                self.flow.cache.store.run(*self.flow.demand.refreshed_market(permit.stamp_us, lacking[:MOST_LACKING]))
            return []

        return Fetch(MARKET, (MARKET_FAMILY,), LEASE_MS, run, distrust_ms=DISTRUST_MS)

    def _many(self, permit: Permit, miss: "Miss", own: tuple[str, ...]) -> list[Write]:
        """The tickers and the best of the others in one call; writes the others and returns what these have. ``own``: the families
        that are asked for what this does not bring.
        """
        names = [*miss.tickers, *miss.choice.tickers]
        found = self._snapshots(names, permit)
        shape = UNIVERSAL if permit.family == UNIVERSAL else SNAPSHOT
        known = {snapshot.ticker: snapshot for snapshot in found}
        needed = miss.datum if self._only_bars(found, miss.datum, permit) else None
        bars = Kind.VALUE if needed else Kind.STAND_IN
        harvest = Harvest(self.flow.cache, permit.stamp_us, self.flow.stale_us, bars)
        along = [known[name] for name in miss.choice.tickers if name in known and known[name].error is None]
        with suppress(StoreDown):
            self._keep(harvest, along, shape, needed)
            self.flow.cache.store.run(*self.flow.demand.refreshed(permit.stamp_us, names))
        if shape == UNIVERSAL and UNIVERSAL in own:
            # Their own fetch would ask for the same.
            return harvest.asked(miss.tickers, known, shape, miss.datum)
        writes: list[Write] = []
        for name in miss.tickers:
            word = known[name].error if name in known else NOT_ENTITLED
            if word is None:
                writes += harvest.snapshot(known[name], shape, needed)
            elif word == NOT_FOUND:
                writes += [harvest.nothing(name, datum) for datum in (shape, miss.datum)]
        return writes

    def _snapshots(self, names: Sequence[str], permit: Permit) -> "list[Snapshot]":
        client = self.client()
        if permit.family == UNIVERSAL:
            try:
                return client.universal(names, permit)
            except NotEntitled:
                permit.step_down()
        return client.snapshots(names, permit)

    def left(self, tickers: Sequence[str], datum: str, writes: Sequence[Write]) -> list[str]:
        """The tickers of which nothing is among the writes."""
        brought = {write.key for write in writes}
        return [ticker for ticker in tickers if self.flow.cache.key(ticker, datum) not in brought]

    def _only_bars(self, found: "Sequence[Snapshot]", datum: str, permit: Permit) -> bool:
        """Whether the plan has no quotes (or trades), so that bars' closes are the best there is for everybody."""
        if any(_has(snapshot, datum, None) for snapshot in found):
            return False
        return self.flow.flight.gate.denied(LADDERS[datum][0], permit.stamp_us)

    def _keep(self, harvest: Harvest, found: "Sequence[Snapshot]", shape: str, needed: str | None) -> None:
        """Write what came along. Raises StoreDown where the store has not taken all of it."""
        for start in range(0, len(found), STEP):
            writes: list[Write] = []
            for snapshot in found[start : start + STEP]:
                writes += harvest.snapshot(snapshot, shape, needed)
            self.flow.cache.store.run(*self.flow.cache.put(writes, copy=False))


@dataclass(frozen=True, slots=True)
class Miss:
    """For which tickers' ``datum`` a shared call is made, and what it should bring."""

    tickers: Sequence[str]
    datum: str
    choice: Choice
    outlook: Outlook


def _has(found: "Snapshot | None", datum: str, needed: str | None) -> bool:
    """Whether the snapshot has the ticker's quote (or trade) itself, or a bar's close that will do."""
    latest = None if found is None else found.quote if datum == QUOTE else found.trade
    return latest is not None and (latest.source == "snapshot" or needed is not None)


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """A market makes a hundred thousand objects and no cycle among them: looking for some takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
