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
from dekr.cache.entry_cache import EntryCache
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
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.read.requirement import Choose, Fetch, Incomplete, ReadPlan, Requirement, first_to_age, not_fresh
from dekr.market.read.single_flight import SingleFlight, longest_wait_s
from dekr.store import Command

_NO_FETCH = (UpstreamDown, UpstreamInvalid, BudgetSpent, UpstreamNotEntitled, DeadlineExceeded)

type Read = tuple[Sequence[Requirement], dict[str, Entry]]


@dataclass(frozen=True, slots=True)
class Reader:
    """The read path of all services. ``now_us`` is this machine's clock: good enough to know the day, and the only one where the
    store's is out of reach.
    """

    single_flight: SingleFlight
    demand: Demand
    alone: LocalGate
    now_us: Callable[[], int]
    stale_us: int

    @property
    def cache(self) -> EntryCache:
        """The entries."""
        return self.single_flight.cache

    def read(self, context: ReadContext, requirements: Sequence[Requirement], fetch: Fetch) -> dict[str, Entry]:
        """The entries that ``wants`` names, each fresh for this reader or, as a labelled exception, stale.

        Raises RateLimited, and what the gate and the fetch raise when there is nothing to serve instead. Of a partial
        fetch that failed, the entries that cannot be served are absent, and ``ask.failure`` says why.
        """
        return self.read_as(
            context, [requirement.key for requirement in requirements], lambda *_: ReadPlan(requirements, fetch)
        )[1]

    def read_as(self, context: ReadContext, keys: Sequence[str], choose: Choose) -> Read:
        """The same where ``choose`` says what is wanted, given what the cache has under these keys; with the wants that were
        met.
        """
        try:
            entries = self._look(context, keys)
        except StoreDown:
            return self._read_alone(context, keys, choose)
        requirements, fetch, fallback = choose(entries, context.now_us, context.policy)
        missing = _missing(requirements, entries, context)
        if missing:
            missing = _with_those_about_to_age(requirements, missing, entries, context)
            try:
                self._get(context, missing, entries, fetch)
            except StoreDown:
                return self._read_alone(context, keys, choose)
            except _NO_FETCH as error:
                requirements = self._accept_stale(context, (requirements, fallback), entries, fetch, error)
            self._advance(context)
        return requirements, _report(context, requirements, entries)

    def _advance(self, context: ReadContext) -> None:
        """Move the request's clock on by what fetching and waiting took: age counts until the answer."""
        here_us = self.now_us()
        context.now_us += max(0, here_us - context.here_us)
        context.here_us = here_us

    def _look(self, context: ReadContext, keys: Sequence[str], *along: Command) -> dict[str, Entry]:
        commands = [self.cache.get(key) for key in keys]
        if context.admission is None:
            charge, *replies = self.cache.store.run(context.charge.command, *commands, *self.demand.due())
            replies = replies[: len(commands)]
            context.admission = context.charge.resolve(charge)
            context.now_us, context.here_us = context.admission.now_us, self.now_us()
        else:
            replies = self.cache.store.run(*commands, *along)[: len(commands)]
        found: dict[str, Entry] = {}
        for key, reply in zip(keys, replies, strict=True):
            entry = self.cache.entry(key, reply)
            if entry is not None:
                found[key] = entry
        return found

    def _get(self, context: ReadContext, missing: list[Requirement], entries: dict[str, Entry], fetch: Fetch) -> None:
        """Fetch what is missing, or wait until somebody else has."""
        covered_by = fetch.covered_by

        def admit(reread: bool) -> Permit | Wait | Done:  # noqa: FBT001 - the one thing that it is told
            return self.single_flight.gate.admit(
                fetch.datum,
                fetch.families,
                floor_us=max(requirement.floor_us(context.now_us, context.policy) for requirement in missing),
                reserved=context.policy.reserved,
                lease_ms=fetch.lease_ms,
                deadline=context.deadline,
                reread=reread,
                covered_by=covered_by,
            )

        reread = False
        while True:
            most_s = longest_wait_s(context.deadline) if covered_by else None
            admitted = self.single_flight.leave(admit, context.deadline, reread=reread, most_s=most_s)
            if isinstance(admitted, Permit):
                break
            if admitted is None:
                covered_by = None
                continue
            context.now_us, context.here_us = admitted.now_us, self.now_us()
            keys = [requirement.key for requirement in missing]
            entries.update(self._look(context, keys, *context.missed(len(missing), 0)))
            if not _missing(missing, entries, context):
                context.outcome = Outcome.COLLAPSED
                return
            reread = True
        admitted.waited = covered_by != fetch.covered_by
        self._run(context, admitted, missing, entries, fetch)

    def _run(
        self,
        context: ReadContext,
        permit: Permit,
        missing: Sequence[Requirement],
        entries: dict[str, Entry],
        fetch: Fetch,
    ) -> None:
        """Put what a permitted fetch brings among the entries."""
        context.outcome = Outcome.MISS
        try:
            found = self.single_flight.run(
                fetch, permit, missing, entries, lambda: context.missed(len(missing), permit.calls)
            )
            assert all(requirement.key in found for requirement in missing), "a fetch brings all that was missing"
            entries.update(found)
        except Incomplete as part:
            entries.update((write.key, write.entry) for write in part.writes)
            raise part.error from None
        finally:
            context.upstream_calls += permit.calls
            context.upstream_s += permit.seconds
        if not permit.calls:
            # Another fetch, which this one waited for, had it all.
            context.outcome = Outcome.COLLAPSED

    def _accept_stale(
        self,
        context: ReadContext,
        sets: tuple[Sequence[Requirement], Sequence[Requirement]],
        entries: dict[str, Entry],
        fetch: Fetch,
        error: DekrError,
    ) -> Sequence[Requirement]:
        """Leave what may be served although it is too old, of the second set of wants where there is one and the first cannot be
        served, and drop the rest. Raises the error where nothing is left, or where something is and the fetch is not partial.
        """
        self._advance(context)
        requirements, fallback = sets
        missing = _missing(requirements, entries, context)
        if context.deadline.left_s() > 0:
            # A store that hangs would take the time that is left for the answer.
            self.single_flight.tell(*context.missed(len(missing), 0))
        refused = self._refused(context, missing, entries)
        if refused and fallback and not self._refused(context, _missing(fallback, entries, context), entries):
            requirements, missing, refused = fallback, _missing(fallback, entries, context), []
        if refused and (not fetch.partial or len(refused) == len(requirements)):
            raise error
        for requirement in refused:
            entries.pop(requirement.key, None)
        context.failure = error
        context.outcome = Outcome.STALE if len(refused) < len(missing) else Outcome.PARTIAL
        return requirements

    def _refused(
        self, context: ReadContext, missing: Sequence[Requirement], entries: Mapping[str, Entry]
    ) -> list[Requirement]:
        """Of what is missing, that which is not even inside the stale window."""
        return [
            requirement
            for requirement in missing
            if not self._servable(context, requirement, entries.get(requirement.key))
        ]

    def _servable(self, context: ReadContext, requirement: Requirement, entry: Entry | None) -> bool:
        """Whether the entry is inside the stale window."""
        if entry is None or entry.kind is Kind.NEGATIVE:
            return False
        return entry.stamp_us > requirement.age_floor_us(context.now_us, context.policy) - self.stale_us

    def _read_alone(self, context: ReadContext, keys: Sequence[str], choose: Choose) -> Read:
        if context.admission is None:
            context.admission = context.charge.resolve_locally()
        context.now_us = context.here_us = self.now_us()
        found = {key: self.cache.local_copies.get(key) for key in keys}
        entries = {key: entry for key, entry in found.items() if entry is not None}
        requirements, fetch, fallback = choose(entries, context.now_us, context.policy)
        missing = _missing(requirements, entries, context)
        if missing:
            try:
                permit = self.alone.admit(
                    fetch.datum, fetch.families, reserved=context.policy.reserved, deadline=context.deadline
                )
                self._run(context, permit, missing, entries, fetch)
            except _NO_FETCH as error:
                requirements = self._accept_stale(context, (requirements, fallback), entries, fetch, error)
            self._advance(context)
        return requirements, _report(context, requirements, entries)


def _with_those_about_to_age(
    requirements: Sequence[Requirement],
    missing: Sequence[Requirement],
    entries: Mapping[str, Entry],
    context: ReadContext,
) -> list[Requirement]:
    """What is missing, and what could grow too old while the reader waits for it: it rides along in the same fetch."""
    names = {requirement.key for requirement in missing}
    until_us = context.now_us + int(context.deadline.left_s() * 1_000_000)
    return [
        requirement
        for requirement in requirements
        if requirement.key in names
        or (
            requirement.ages(entries[requirement.key])
            and requirement.fresh_until_us(entries[requirement.key], context.now_us, context.policy) < until_us
        )
    ]


def _missing(requirements: Sequence[Requirement], entries: dict[str, Entry], context: ReadContext) -> list[Requirement]:
    return not_fresh(requirements, entries, context.now_us, context.policy)


def _report(context: ReadContext, requirements: Sequence[Requirement], entries: dict[str, Entry]) -> dict[str, Entry]:
    """Note the oldest stamp and the first end of freshness among what can grow too old.

    A later read of the same request takes the place of an earlier one: it reads again what it still needs of it.
    """
    served = [requirement for requirement in requirements if requirement.key in entries]
    aging = first_to_age(served, entries)
    if served and (aging or not context.stamp_us):
        told = aging or served
        context.stamp_us = min([entries[requirement.key].stamp_us for requirement in told])
        context.fresh_until_us = min(
            [
                requirement.fresh_until_us(entries[requirement.key], context.now_us, context.policy)
                for requirement in told
            ]
        )
    return entries
