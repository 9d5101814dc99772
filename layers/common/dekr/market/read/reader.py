"""The read path of every service: the cache, else one fetch for all who wait, else entries that may be served stale.

1. One round trip: the rate limit and the entries. All fresh for this reader: that is the answer.
2. The gate: one reader of all sandboxes gets the permit, the others wait for it (bounded by their deadline, and not for long where
   they can have older data) and read again. The holder fetches (dekr.market.read.single_flight).
3. One round trip: put-if-newer, a message to those who wait, and the observations for the breaker.

A hit costs one round trip; a miss three and the upstream call, a quote's one more (dekr.market.quotes.shared_refresh), and bars of
several pages two or three for each further page (dekr.market.bars.fetch). Where
no fetch is possible, an older entry is served inside the stale window and labelled. Where the store cannot be reached, the
sandbox goes on alone: its own copies, a small rate limit, a static share of the upstream budget.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache
from dekr.deadline import Deadline
from dekr.errors import (
    BudgetSpent,
    DeadlineExceeded,
    DekrError,
    StoreDown,
    UpstreamDown,
    UpstreamInvalid,
    UpstreamNotEntitled,
)
from dekr.gate.local_gate import LocalGate
from dekr.gate.permit import Permit
from dekr.gate.request import FetchRequest
from dekr.market.demand.record import Demand
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.read.fetch import Fetch, FixedPlan, Incomplete, Planner, ReadPlan
from dekr.market.read.requirement import Requirement, first_to_age, not_fresh, of_older_scale
from dekr.market.read.single_flight import SingleFlight, covered_wait_s, stale_wait_s
from dekr.passed_over import PassedOver
from dekr.store import Command

NO_FETCH: Final = (UpstreamDown, UpstreamInvalid, BudgetSpent, UpstreamNotEntitled, DeadlineExceeded)
"""The errors of a fetch after which a read goes on without it."""

type Read = tuple[Sequence[Requirement], dict[str, Entry]]
"""The requirements that were met, and the entries by key."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The read path of all services.

    ``local_gate`` is the gate where the store cannot be reached. ``now_us`` is this machine's clock: good enough to know the
    day, and the only one where the store's is out of reach. ``stale_us``: how long beyond its age an entry may be served as a
    labelled exception.
    """

    single_flight: SingleFlight
    demand: Demand
    local_gate: LocalGate
    now_us: Callable[[], int]
    stale_us: int

    @property
    def cache(self) -> EntryCache:
        """The cache of entries."""
        return self.single_flight.cache

    @property
    def passed_over(self) -> PassedOver:
        """The collector of failures that a read goes on without."""
        return self.single_flight.passed_over

    def read(self, context: ReadContext, requirements: Sequence[Requirement], fetch: Fetch) -> dict[str, Entry]:
        """The entries of the requirements by key, each fresh for this reader or, as a labelled exception, stale.

        Raises RateLimited, and what the gate and the fetch raise when there is nothing to serve instead. Of a partial
        fetch that failed, the entries that cannot be served are absent, and ``context.failure`` says why.
        """
        keys = [requirement.key for requirement in requirements]
        return self.read_planned(context, keys, FixedPlan(requirements, fetch))[1]

    def read_planned(self, context: ReadContext, keys: Sequence[str], planner: Planner) -> Read:
        """Look at these keys, let the planner choose what is required of them, and fetch what is missing.

        Returns the requirements that were met (the plan's, or its fallback) and the entries by key. Raises as ``read`` does, and
        what the planner raises.
        """
        try:
            entries = self._look(context, keys)
        except StoreDown as error:
            self.passed_over.note(error)
            return self._read_alone(context, keys, planner)
        plan = planner.plan(entries, context.now_us, context.policy)
        requirements = plan.requirements
        missing = _missing(requirements, entries, context)
        if missing:
            missing = _with_those_about_to_age(requirements, missing, entries, context)
            try:
                for fetch, part in _steps(plan, missing):
                    self._get(context, plan._replace(fetch=fetch), part, entries)
            except StoreDown as error:
                self.passed_over.note(error)
                return self._read_alone(context, keys, planner)
            except NO_FETCH as error:
                requirements = self._accept_stale(context, plan, entries, error)
            self._advance(context)
        return requirements, _report(context, requirements, entries)

    def charge_calls(self, context: ReadContext, calls: int) -> None:
        """Charge the request for so many upstream calls, beyond those that it has paid for."""
        unpaid = max(0, calls - context.paid_calls)
        context.paid_calls = max(0, context.paid_calls - calls)
        if unpaid == 0 or context.admission is None:
            return
        try:
            (reply,) = self.cache.store.run(context.charge.charge_more(unpaid))
        except StoreDown as error:
            self.passed_over.note(error)
        else:
            context.admission = context.charge.resolve_more(reply)

    def _advance(self, context: ReadContext) -> None:
        """Move the request's clock on by what fetching and waiting took: age counts until the answer."""
        local_now_us = self.now_us()
        context.now_us += max(0, local_now_us - context.local_now_us)
        context.local_now_us = local_now_us

    def _look(self, context: ReadContext, keys: Sequence[str], *extra: Command) -> dict[str, Entry]:
        commands = [self.cache.get(key) for key in keys]
        if context.admission is None:
            charged, *replies = self.cache.store.run(context.charge.command, *commands, *self.demand.due())
            replies = replies[: len(commands)]
            context.admission = context.charge.resolve(charged)
            context.now_us, context.local_now_us = context.admission.now_us, self.now_us()
        else:
            replies = self.cache.store.run(*commands, *extra)[: len(commands)]
        found: dict[str, Entry] = {}
        for key, reply in zip(keys, replies, strict=True):
            entry = self.cache.entry(key, reply)
            if entry is not None:
                found[key] = entry
        return found

    def _get(self, context: ReadContext, plan: ReadPlan, missing: list[Requirement], entries: dict[str, Entry]) -> None:
        """Fetch what is missing, or wait until somebody else has; part by part where a fetch brings one part at a time. Raises
        UpstreamDown where that takes long and older data can be served instead.
        """
        goes_on = False
        while missing:
            if goes_on and plan.fetch.max_calls is not None and context.upstream_calls >= plan.fetch.max_calls:
                text = "The request has made as many calls to the data provider as it may."
                raise DeadlineExceeded(text, fault="calls of one request")
            missing, goes_on = self._get_part(context, plan, missing, entries, reread=goes_on), True

    def _get_part(
        self,
        context: ReadContext,
        plan: ReadPlan,
        missing: list[Requirement],
        entries: dict[str, Entry],
        *,
        reread: bool,
    ) -> list[Requirement]:
        """Make one fetch of what is missing, or wait until somebody else has; returns what is missing then. ``reread``: the present
        request has made such a fetch before.
        """
        request = _request(context, plan.fetch, missing)
        stale_wait: Deadline | None = None
        if not self._stale_choice(context, plan, entries)[2]:
            stale_wait = Deadline.after(stale_wait_s(context.policy), context.deadline.monotonic)
        while True:
            waits_s = [covered_wait_s(context.deadline)] if request.covered_by else []
            if stale_wait is not None:
                waits_s.append(stale_wait.left_s())
            max_wait_s = min(waits_s, default=None)
            acquired = self.single_flight.acquire(request, reread=reread, max_wait_s=max_wait_s)
            if isinstance(acquired, Permit):
                break
            if acquired is None:
                if request.covered_by is None:
                    text = "The data provider is slow to answer."
                    raise UpstreamDown(text, retry_after_s=1.0, fault="waited for another request's fetch")
                request = replace(request, covered_by=None, waited=True)
                continue
            context.now_us, context.local_now_us = acquired.now_us, self.now_us()
            keys = [requirement.key for requirement in missing]
            entries.update(self._look(context, keys, *context.count_misses(len(missing), 0)))
            missing = _missing(missing, entries, context)
            if not missing:
                context.outcome = Outcome.COLLAPSED
                return []
            request, reread = replace(request, floor_us=_floor_us(context, missing)), True
        return self._run(context, acquired, missing, entries, plan.fetch)

    def _run(
        self,
        context: ReadContext,
        permit: Permit,
        missing: Sequence[Requirement],
        entries: dict[str, Entry],
        fetch: Fetch,
    ) -> list[Requirement]:
        """Make a permitted fetch, and add what it brings to the entries; returns what it has left to another fetch."""
        context.outcome = Outcome.MISS
        try:
            found = self.single_flight.run(fetch, permit, missing, entries, context)
            assert all(requirement.key in found for requirement in missing), "a fetch brings all that was missing"
            entries.update(found)
        except Incomplete as part:
            found = {write.key: write.entry for write in part.writes}
            entries.update(found)
            if part.error is not None:
                # The error keeps its own cause: ``part`` only carried it here.
                raise part.error from part.error.__cause__
        finally:
            context.record(permit.outcome)
        if not permit.outcome.calls:
            # Another fetch, which this one waited for, brought everything.
            context.outcome = Outcome.COLLAPSED
        return [requirement for requirement in missing if requirement.key not in found]

    def _accept_stale(
        self, context: ReadContext, plan: ReadPlan, entries: dict[str, Entry], error: DekrError
    ) -> Sequence[Requirement]:
        """Keep entries that may be served stale, those of the plan's fallback where its requirements cannot be served; drop the
        rest. Raises the error if nothing can be served, or if part is missing and the fetch is all-or-nothing.
        """
        self._advance(context)
        if context.deadline.left_s() > 0:
            # A store that hangs would take the time that is left for the answer.
            missed = _missing(plan.requirements, entries, context)
            self.single_flight.tell(*context.count_misses(len(missed), 0))
        requirements, missing, refused = self._stale_choice(context, plan, entries)
        if refused and (not plan.fetch.partial or len(refused) == len(requirements)):
            raise error
        for requirement in refused:
            entries.pop(requirement.key, None)
        context.failure = error
        context.outcome = Outcome.STALE if len(refused) < len(missing) else Outcome.PARTIAL
        return requirements

    def _stale_choice(
        self, context: ReadContext, plan: ReadPlan, entries: dict[str, Entry]
    ) -> tuple[Sequence[Requirement], list[Requirement], list[Requirement]]:
        """The requirements to serve where no fetch is possible: the plan's, or its fallback where these cannot all be served. Of
        them: those that are not fresh, and those of these whose entry is not even inside the stale window, or of another scale than
        others.
        """
        requirements = plan.requirements
        missing = _missing(requirements, entries, context)
        # A part of what was missing may have come before the fetch ended.
        refused = self._refused(context, missing, entries) or of_older_scale(requirements, entries, context.now_us)
        if refused and plan.fallback:
            aged = _missing(plan.fallback, entries, context)
            if not self._refused(context, aged, entries):
                return plan.fallback, aged, []
        return requirements, missing, refused

    def _refused(
        self, context: ReadContext, missing: Sequence[Requirement], entries: Mapping[str, Entry]
    ) -> list[Requirement]:
        """The missing requirements whose entry is not even inside the stale window."""
        return [
            requirement
            for requirement in missing
            if not self._servable(context, requirement, entries.get(requirement.key))
        ]

    def _servable(self, context: ReadContext, requirement: Requirement, entry: Entry | None) -> bool:
        """Whether the entry is inside the stale window."""
        if entry is None or entry.kind is Kind.NEGATIVE:
            return False
        return entry.stamp_us > requirement.stale_floor_us(context.now_us, context.policy, self.stale_us)

    def _read_alone(self, context: ReadContext, keys: Sequence[str], planner: Planner) -> Read:
        """Read without the store: this sandbox's copies, its own limits and its static share of the budget."""
        if context.admission is None:
            context.admission = context.charge.resolve_locally()
        context.now_us = context.local_now_us = self.now_us()
        found = {key: self.cache.local_copies.get(key) for key in keys}
        entries = {key: entry for key, entry in found.items() if entry is not None}
        plan = planner.plan(entries, context.now_us, context.policy)
        requirements = plan.requirements
        missing = _missing(requirements, entries, context)
        if missing:
            try:
                for fetch, part in _steps(plan, missing):
                    while part:
                        permit = self.local_gate.admit(_request(context, fetch, part))
                        part = self._run(context, permit, part, entries, fetch)  # noqa: PLW2901 - what is left of it
            except NO_FETCH as error:
                requirements = self._accept_stale(context, plan, entries, error)
            self._advance(context)
        return requirements, _report(context, requirements, entries)


def _steps(plan: ReadPlan, missing: list[Requirement]) -> list[tuple[Fetch, list[Requirement]]]:
    """The fetches to make one after the other, each with what it shall bring."""
    if not plan.steps:
        return [(plan.fetch, missing)]
    return [(step.fetch, [each for each in missing if each.key in step.keys]) for step in plan.steps]


def _request(context: ReadContext, fetch: Fetch, missing: Sequence[Requirement]) -> FetchRequest:
    return FetchRequest(
        fetch.lease,
        fetch.families,
        fetch.lease_ms,
        context.deadline,
        reserved=context.policy.reserved,
        floor_us=_floor_us(context, missing),
        covered_by=fetch.covered_by,
        user=context.charge.user,
        calls=fetch.calls,
    )


def _floor_us(context: ReadContext, missing: Sequence[Requirement]) -> int:
    return max(requirement.floor_us(context.now_us, context.policy) for requirement in missing)


def _with_those_about_to_age(
    requirements: Sequence[Requirement],
    missing: Sequence[Requirement],
    entries: Mapping[str, Entry],
    context: ReadContext,
) -> list[Requirement]:
    """The missing requirements, and those whose entry could grow too old while the reader waits: one fetch brings both."""
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
    """Note in the context the oldest stamp, and the first end of freshness, among the entries that can grow too old.

    A later read of one request replaces the report of an earlier one: it reads again what it still needs of it.
    """
    served = [requirement for requirement in requirements if requirement.key in entries]
    aging = first_to_age(served, entries)
    if served and (aging or not context.stamp_us):
        reported = aging or served
        context.stamp_us = min([entries[requirement.key].stamp_us for requirement in reported])
        context.fresh_until_us = min(
            [
                requirement.fresh_until_us(entries[requirement.key], context.now_us, context.policy)
                for requirement in reported
            ]
        )
    return entries
