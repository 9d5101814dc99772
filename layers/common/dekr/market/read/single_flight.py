"""One fetch for all who want the same: leave to make it, or the wait for whoever has it; its end, kept and told.

What a fetch brings, the word for those who wait and what the breakers should know travel in one round trip.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dekr.cache.entry import Entry
from dekr.cache.entry_cache import EntryCache, Write
from dekr.deadline import Deadline
from dekr.errors import DeadlineExceeded, DekrError, StoreDown, UpstreamInvalid
from dekr.gate.budget_share import BudgetShare
from dekr.gate.gate import Done, Gate, Wait
from dekr.gate.permit import FAILED_MS, Permit, not_entitled
from dekr.market.read.requirement import Fetch, Incomplete, Requirement
from dekr.polygon.failures import NotEntitled
from dekr.store import Command

FIRST_WAIT_S: Final = 0.025
LONGEST_WAIT_S: Final = 0.1
LAST_CHANCE_S: Final = 0.05
"""A reader waits until so much time is left, which is for the answer."""

SHORTEST_WAIT_S: Final = 0.001
"""Less is not waited: time that is no more than that has been used up."""

MAX_COVERED_WAIT_S: Final = 1.5
COVERED_WAIT_FRACTION: Final = 1 / 3
"""How long, and for what share of the time that is left, to wait for a fetch that may bring more than what is needed: its
holder may have been killed, and what is needed takes less alone.
"""


@dataclass(frozen=True, slots=True)
class SingleFlight:
    """Makes fetches. ``random`` (0 to 1) spreads those who wait."""

    cache: EntryCache
    gate: Gate | BudgetShare
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def leave(
        self,
        context: Callable[[bool], Permit | Wait | Done],
        deadline: Deadline,
        *,
        reread: bool = False,
        most_s: float | None = None,
    ) -> Permit | Done | None:
        """What ``ask`` (told whether what was fetched meanwhile is known not to be enough) says once nobody else is fetching;
        None where somebody still is after ``most_s``. Raises what it raises, and DeadlineExceeded.
        """
        wait_s, waited_s = FIRST_WAIT_S, 0.0
        while isinstance(admitted := context(reread), Wait):
            left_s = deadline.left_s() - LAST_CHANCE_S
            if left_s < SHORTEST_WAIT_S:
                raise DeadlineExceeded("The data provider did not answer in time.")
            if most_s is not None and waited_s > most_s:
                return None
            pause_s = min(left_s, wait_s * (0.5 + self.random() / 2))
            self.sleep(pause_s)
            waited_s += pause_s
            wait_s, reread = min(wait_s * 1.5, LONGEST_WAIT_S), False
        return admitted

    def run(
        self,
        fetch: Fetch,
        permit: Permit,
        missing: Sequence[Requirement],
        old: Mapping[str, Entry],
        along: Callable[[], tuple[Command, ...]],
    ) -> dict[str, Entry]:
        """What a permitted fetch brings, kept and told to those who wait; ``along``: what is sent besides at its end.

        Raises what the fetch raises.
        """
        try:
            writes = _fetched(fetch, permit, missing, old)
        except Incomplete as part:
            # Those who wait find what there is, and try for the rest.
            self.tell(*self.cache.put(part.writes), *permit.finished(), *along())
            raise
        except DekrError as error:
            life_ms = fetch.distrust_ms if isinstance(error, UpstreamInvalid) else FAILED_MS
            self.tell(*permit.failed(error, life_ms), *along())
            raise
        except BaseException:
            # Whatever else went wrong, nobody shall wait for this fetch.
            self.tell(*permit.given_up())
            raise
        self.tell(*self.cache.put(writes), *permit.finished(), *along())
        return {write.key: write.entry for write in writes}

    def fetch(self, fetch: Fetch, floor_us: int, deadline: Deadline) -> int:
        """A fetch that no reader waits for, unless one has started after the floor; returns how many calls it made, 0 where
        somebody else is at it. Raises what the gate and the fetch raise.
        """
        permit = self.gate.admit(
            fetch.datum, fetch.families, floor_us=floor_us, reserved=False, lease_ms=fetch.lease_ms, deadline=deadline
        )
        if not isinstance(permit, Permit):
            return 0
        self.run(fetch, permit, (), {}, tuple)
        return permit.calls

    def keep(self, writes: Sequence[Write], *, copy: bool = True) -> bool:
        """Keep what a fetch has so far; whether the store has it."""
        return self.tell(*self.cache.put(writes, copy=copy))

    def tell(self, *commands: Command) -> bool:
        """Send what only helps others: the reader's answer does not depend on it. Whether it arrived."""
        if commands:
            try:
                self.cache.store.run(*commands)
            except StoreDown:
                return False
        return True


def longest_wait_s(deadline: Deadline) -> float:
    """How long to wait for a fetch that may bring more than what is needed."""
    return min(MAX_COVERED_WAIT_S, deadline.left_s() * COVERED_WAIT_FRACTION)


def _fetched(fetch: Fetch, permit: Permit, missing: Sequence[Requirement], old: Mapping[str, Entry]) -> list[Write]:
    try:
        return fetch.run(permit, missing, old)
    except NotEntitled:
        raise not_entitled() from None
