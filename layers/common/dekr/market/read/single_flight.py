"""Single flight: one of the callers who need a fetch makes it, the others wait and read again.

The entries that a fetch brings, the message to those who wait and the observations for the breakers travel in one round trip.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dekr.cache.entry import Entry
from dekr.cache.entry_cache import EntryCache, Write
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamInvalid
from dekr.gate.gate import Decision, Done, FetchGate, Wait
from dekr.gate.permit import FAILED_MS, Permit, not_entitled
from dekr.gate.request import FetchRequest
from dekr.market.read.fetch import Fetch, Incomplete
from dekr.market.read.requirement import Requirement
from dekr.passed_over import PassedOver
from dekr.polygon.failures import NotEntitled
from dekr.store import Command
from dekr.tiers import TierPolicy

FIRST_WAIT_S: Final = 0.025
LONGEST_WAIT_S: Final = 0.1
LAST_CHANCE_S: Final = 0.05
"""The time that a reader who waits keeps for its answer: it waits no longer than until so much is left."""

SHORTEST_WAIT_S: Final = 0.001
"""The shortest pause: with less time than this left, the wait is over."""

MAX_COVERED_WAIT_S: Final = 1.5
COVERED_WAIT_FRACTION: Final = 1 / 3
"""The longest wait for a fetch that may bring more than what is needed, and the part of the remaining time that it may take: the
holder may have been killed, and a fetch of what is needed alone takes less.
"""

MAX_STALE_WAIT_S: Final = 3.0
MAX_RESERVED_STALE_WAIT_S: Final = 1.0
"""The longest wait for another request's fetch where older data can be served instead, for the lower and for the upper tiers."""


class MissCounter(Protocol):
    """Counts, for the caller's usage, data that the cache did not have and the upstream calls made for them."""

    def count_misses(self, data: int, calls: int) -> tuple[Command, ...]:
        """The commands that count so many data and calls."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SingleFlight:
    """Acquires permits and makes fetches.

    ``random`` (0 to 1) spreads the polls of those who wait; ``passed_over`` collects failures that the reader's answer does not
    depend on.
    """

    cache: EntryCache
    gate: FetchGate
    sleep: Callable[[float], None]
    random: Callable[[], float]
    passed_over: PassedOver

    def acquire(
        self, request: FetchRequest, *, reread: bool = False, max_wait_s: float | None = None
    ) -> Permit | Done | None:
        """Poll the gate until it grants a permit or says that somebody else's fetch is done; None after ``max_wait_s``.

        ``reread``: another fetch was read after it ended and is not new enough. Raises what Gate.admit raises, and
        DeadlineExceeded.
        """
        return self._poll(
            lambda again: self.gate.admit(request, reread=again), request.deadline, reread=reread, max_wait_s=max_wait_s
        )

    def join(self, permit: Permit, request: FetchRequest, *, max_wait_s: float) -> Permit | Done | None:
        """Poll the gate for another fetch, made with the call that the permit has paid, until it grants a permit or says that
        somebody else's fetch is done; None after ``max_wait_s``. Raises what Gate.join raises, and DeadlineExceeded.
        """
        return self._poll(
            lambda _: self.gate.join(permit, request), permit.deadline, reread=False, max_wait_s=max_wait_s
        )

    def _poll(
        self, decide: Callable[[bool], Decision], deadline: Deadline, *, reread: bool, max_wait_s: float | None
    ) -> Permit | Done | None:
        wait_s, waited_s = FIRST_WAIT_S, 0.0
        while isinstance(decision := decide(reread), Wait):
            left_s = deadline.left_s() - LAST_CHANCE_S
            if left_s < SHORTEST_WAIT_S:
                text = "The data provider did not answer in time."
                raise DeadlineExceeded(text, fault="waited for another request's fetch")
            if max_wait_s is not None and waited_s > max_wait_s:
                return None
            pause_s = min(left_s, wait_s * (0.5 + self.random() / 2))
            self.sleep(pause_s)
            waited_s += pause_s
            wait_s, reread = min(wait_s * 1.5, LONGEST_WAIT_S), False
        return decision

    def run(
        self,
        fetch: Fetch,
        permit: Permit,
        missing: Sequence[Requirement] = (),
        cached: Mapping[str, Entry] | None = None,
        counter: MissCounter | None = None,
    ) -> dict[str, Entry]:
        """Make a permitted fetch, keep its entries and tell those who wait; returns the entries by key.

        ``counter`` counts what was missing and the calls made. Raises what the fetcher raises, and StoreDown where it has brought
        one part of several and the store cannot take it.
        """
        try:
            writes = _fetched(fetch, permit, missing, cached or {})
        except Incomplete as part:
            # Those who wait read what has arrived, and fetch the rest.
            told = self.tell(*self.cache.put(part.writes), *permit.finished(), *_counted(counter, missing, permit))
            if part.error is None and not told and not permit.alone:
                # The lease stands, so that nobody can go on with the next part before it ends.
                raise StoreDown(fault="a part of a fetch could not be kept") from part
            raise
        except DekrError as error:
            life_ms = fetch.distrust_ms if isinstance(error, UpstreamInvalid) else FAILED_MS
            self.tell(*permit.failed(error, life_ms), *_counted(counter, missing, permit))
            raise
        except BaseException:
            # Whatever else went wrong, nobody shall wait for this fetch.
            self.tell(*permit.given_up())
            raise
        self.tell(*self.cache.put(writes), *permit.finished(), *_counted(counter, missing, permit))
        return {write.key: write.entry for write in writes}

    def fetch(self, fetch: Fetch, floor_us: int, deadline: Deadline) -> int:
        """Make a fetch that no reader waits for, unless one has started after the floor.

        Returns how many calls it made; 0 where somebody else has made the fetch or is making it. Raises what the gate and the
        fetcher raise.
        """
        request = FetchRequest(fetch.lease, fetch.families, fetch.lease_ms, deadline, floor_us=floor_us)
        permit = self.gate.admit(request)
        if not isinstance(permit, Permit):
            return 0
        self.run(fetch, permit)
        return permit.outcome.calls

    def keep(self, writes: Sequence[Write], *, copy: bool = True) -> bool:
        """Keep the entries that a fetch has so far; returns whether the store has them. ``copy``: whether to keep local copies."""
        return self.tell(*self.cache.put(writes, copy=copy))

    def tell(self, *commands: Command) -> bool:
        """Send commands that the reader's answer does not depend on; returns whether the store has received them."""
        if commands:
            try:
                self.cache.store.run(*commands)
            except StoreDown as error:
                self.passed_over.note(error)
                return False
        return True


def stale_wait_s(policy: TierPolicy) -> float:
    """The seconds that a reader of this tier waits for another request's fetch where older data can be served instead."""
    longest_s = MAX_RESERVED_STALE_WAIT_S if policy.reserved else MAX_STALE_WAIT_S
    # The last pause may begin just before the wait is over, and another one, for a lease that is tried last, just after it.
    return longest_s - LONGEST_WAIT_S - FIRST_WAIT_S


def covered_wait_s(deadline: Deadline) -> float:
    """The seconds to wait for a fetch that may bring more than what is needed."""
    return min(MAX_COVERED_WAIT_S, deadline.left_s() * COVERED_WAIT_FRACTION)


def _fetched(fetch: Fetch, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
    try:
        return fetch.fetcher.fetch(permit, missing, cached)
    except NotEntitled as error:
        raise not_entitled("status 403") from error


def _counted(counter: MissCounter | None, missing: Sequence[Requirement], permit: Permit) -> tuple[Command, ...]:
    return counter.count_misses(len(missing), permit.outcome.calls) if counter else ()
