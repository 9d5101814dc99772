"""How every read goes: the cache, else one shared fetch, else what is left.

1. One round trip: the rate limit and the entries. All fresh for this reader: that is the answer.
2. The gate: one reader of all sandboxes gets the permit, the others wait for it (bounded by their deadline) and read
   again. The holder fetches (dekr.market.read.single_flight).
3. One round trip: put-if-newer, word to those who wait, what the breaker should know.

A hit costs one round trip; a miss three and the upstream call, a quote's one more (shared_refresh). Where the upstream
cannot be asked, an older entry is served inside the stale window and labelled. Where the store cannot be
reached, the sandbox goes on alone: its own copies, a small rate limit, a static share of the upstream budget.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import TierCache
from dekr.errors import (
    BudgetSpent,
    DeadlineExceeded,
    DekrError,
    StoreDown,
    UpstreamDown,
    UpstreamInvalid,
    UpstreamNotEntitled,
)
from dekr.gate.gate import Done, Wait
from dekr.gate.local_gate import LocalGate
from dekr.gate.permit import Permit
from dekr.market.demand.record import Demand
from dekr.market.read.context import Ask, Outcome
from dekr.market.read.requirement import Choose, Fetch, Incomplete, Want, Wanted, first_to_age, not_fresh
from dekr.market.read.single_flight import Flight, longest_wait_s
from dekr.store import Command

_NO_FETCH = (UpstreamDown, UpstreamInvalid, BudgetSpent, UpstreamNotEntitled, DeadlineExceeded)

type Read = tuple[Sequence[Want], dict[str, Entry]]


@dataclass(frozen=True, slots=True)
class Flow:
    """The read path of all services. ``now_us`` is this machine's clock: good enough to know the day, and the only one where the
    store's is out of reach.
    """

    flight: Flight
    demand: Demand
    alone: LocalGate
    now_us: Callable[[], int]
    stale_us: int

    @property
    def cache(self) -> TierCache:
        """The entries."""
        return self.flight.cache

    def read(self, ask: Ask, wants: Sequence[Want], fetch: Fetch) -> dict[str, Entry]:
        """The entries that ``wants`` names, each fresh for this reader or, as a labelled exception, stale.

        Raises RateLimited, and what the gate and the fetch raise when there is nothing to serve instead. Of a partial
        fetch that failed, the entries that cannot be served are absent, and ``ask.failure`` says why.
        """
        return self.read_as(ask, [want.key for want in wants], lambda *_: Wanted(wants, fetch))[1]

    def read_as(self, ask: Ask, keys: Sequence[str], choose: Choose) -> Read:
        """The same where ``choose`` says what is wanted, given what the cache has under these keys; with the wants that were
        met.
        """
        try:
            entries = self._look(ask, keys)
        except StoreDown:
            return self._read_alone(ask, keys, choose)
        wants, fetch, spare = choose(entries, ask.now_us, ask.policy)
        missing = _missing(wants, entries, ask)
        if missing:
            missing = _with_those_about_to_age(wants, missing, entries, ask)
            try:
                self._get(ask, missing, entries, fetch)
            except StoreDown:
                return self._read_alone(ask, keys, choose)
            except _NO_FETCH as error:
                wants = self._accept_stale(ask, (wants, spare), entries, fetch, error)
            self._advance(ask)
        return wants, _report(ask, wants, entries)

    def _advance(self, ask: Ask) -> None:
        """Move the request's clock on by what fetching and waiting took: age counts until the answer."""
        here_us = self.now_us()
        ask.now_us += max(0, here_us - ask.here_us)
        ask.here_us = here_us

    def _look(self, ask: Ask, keys: Sequence[str], *along: Command) -> dict[str, Entry]:
        commands = [self.cache.get(key) for key in keys]
        if ask.admission is None:
            toll, *replies = self.cache.store.run(ask.toll.command, *commands, *self.demand.due())
            replies = replies[: len(commands)]
            ask.admission = ask.toll.settle(toll)
            ask.now_us, ask.here_us = ask.admission.now_us, self.now_us()
        else:
            replies = self.cache.store.run(*commands, *along)[: len(commands)]
        found: dict[str, Entry] = {}
        for key, reply in zip(keys, replies, strict=True):
            entry = self.cache.entry(key, reply)
            if entry is not None:
                found[key] = entry
        return found

    def _get(self, ask: Ask, missing: list[Want], entries: dict[str, Entry], fetch: Fetch) -> None:
        """Fetch what is missing, or wait until somebody else has."""
        beside = fetch.beside

        def admit(reread: bool) -> Permit | Wait | Done:  # noqa: FBT001 - the one thing that it is told
            return self.flight.gate.admit(
                fetch.datum,
                fetch.families,
                floor_us=max(want.floor_us(ask.now_us, ask.policy) for want in missing),
                reserved=ask.policy.reserved,
                lease_ms=fetch.lease_ms,
                deadline=ask.deadline,
                reread=reread,
                beside=beside,
            )

        reread = False
        while True:
            most_s = longest_wait_s(ask.deadline) if beside else None
            admitted = self.flight.leave(admit, ask.deadline, reread=reread, most_s=most_s)
            if isinstance(admitted, Permit):
                break
            if admitted is None:
                beside = None
                continue
            ask.now_us, ask.here_us = admitted.now_us, self.now_us()
            keys = [want.key for want in missing]
            entries.update(self._look(ask, keys, *ask.missed(len(missing), 0)))
            if not _missing(missing, entries, ask):
                ask.outcome = Outcome.COLLAPSED
                return
            reread = True
        admitted.waited = beside != fetch.beside
        self._run(ask, admitted, missing, entries, fetch)

    def _run(self, ask: Ask, permit: Permit, missing: Sequence[Want], entries: dict[str, Entry], fetch: Fetch) -> None:
        """Put what a permitted fetch brings among the entries."""
        ask.outcome = Outcome.MISS
        try:
            found = self.flight.run(fetch, permit, missing, entries, lambda: ask.missed(len(missing), permit.calls))
            assert all(want.key in found for want in missing), "a fetch brings all that was missing"
            entries.update(found)
        except Incomplete as part:
            entries.update((write.key, write.entry) for write in part.writes)
            raise part.error from None
        finally:
            ask.upstream_calls += permit.calls
            ask.upstream_s += permit.seconds
        if not permit.calls:
            # Another fetch, which this one waited for, had it all.
            ask.outcome = Outcome.COLLAPSED

    def _accept_stale(
        self,
        ask: Ask,
        sets: tuple[Sequence[Want], Sequence[Want]],
        entries: dict[str, Entry],
        fetch: Fetch,
        error: DekrError,
    ) -> Sequence[Want]:
        """Leave what may be served although it is too old, of the second set of wants where there is one and the first cannot be
        served, and drop the rest. Raises the error where nothing is left, or where something is and the fetch is not partial.
        """
        self._advance(ask)
        wants, spare = sets
        missing = _missing(wants, entries, ask)
        if ask.deadline.left_s() > 0:
            # A store that hangs would take the time that is left for the answer.
            self.flight.tell(*ask.missed(len(missing), 0))
        refused = self._refused(ask, missing, entries)
        if refused and spare and not self._refused(ask, _missing(spare, entries, ask), entries):
            wants, missing, refused = spare, _missing(spare, entries, ask), []
        if refused and (not fetch.partial or len(refused) == len(wants)):
            raise error
        for want in refused:
            entries.pop(want.key, None)
        ask.failure = error
        ask.outcome = Outcome.STALE if len(refused) < len(missing) else Outcome.PARTIAL
        return wants

    def _refused(self, ask: Ask, missing: Sequence[Want], entries: Mapping[str, Entry]) -> list[Want]:
        """Of what is missing, that which is not even inside the stale window."""
        return [want for want in missing if not self._servable(ask, want, entries.get(want.key))]

    def _servable(self, ask: Ask, want: Want, entry: Entry | None) -> bool:
        """Whether the entry is inside the stale window."""
        if entry is None or entry.kind is Kind.NEGATIVE:
            return False
        return entry.stamp_us > want.age_floor_us(ask.now_us, ask.policy) - self.stale_us

    def _read_alone(self, ask: Ask, keys: Sequence[str], choose: Choose) -> Read:
        if ask.admission is None:
            ask.admission = ask.toll.settle_alone()
        ask.now_us = ask.here_us = self.now_us()
        found = {key: self.cache.copies.get(key) for key in keys}
        entries = {key: entry for key, entry in found.items() if entry is not None}
        wants, fetch, spare = choose(entries, ask.now_us, ask.policy)
        missing = _missing(wants, entries, ask)
        if missing:
            try:
                permit = self.alone.admit(
                    fetch.datum, fetch.families, reserved=ask.policy.reserved, deadline=ask.deadline
                )
                self._run(ask, permit, missing, entries, fetch)
            except _NO_FETCH as error:
                wants = self._accept_stale(ask, (wants, spare), entries, fetch, error)
            self._advance(ask)
        return wants, _report(ask, wants, entries)


def _with_those_about_to_age(
    wants: Sequence[Want], missing: Sequence[Want], entries: Mapping[str, Entry], ask: Ask
) -> list[Want]:
    """What is missing, and what could grow too old while the reader waits for it: it rides along in the same fetch."""
    names = {want.key for want in missing}
    until_us = ask.now_us + int(ask.deadline.left_s() * 1_000_000)
    return [
        want
        for want in wants
        if want.key in names
        or (want.ages(entries[want.key]) and want.fresh_until_us(entries[want.key], ask.now_us, ask.policy) < until_us)
    ]


def _missing(wants: Sequence[Want], entries: dict[str, Entry], ask: Ask) -> list[Want]:
    return not_fresh(wants, entries, ask.now_us, ask.policy)


def _report(ask: Ask, wants: Sequence[Want], entries: dict[str, Entry]) -> dict[str, Entry]:
    """Note the oldest stamp and the first end of freshness among what can grow too old.

    A later read of the same request takes the place of an earlier one: it reads again what it still needs of it.
    """
    served = [want for want in wants if want.key in entries]
    aging = first_to_age(served, entries)
    if served and (aging or not ask.stamp_us):
        told = aging or served
        ask.stamp_us = min([entries[want.key].stamp_us for want in told])
        ask.fresh_until_us = min([want.fresh_until_us(entries[want.key], ask.now_us, ask.policy) for want in told])
    return entries
