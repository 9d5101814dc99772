"""A fetch as a read describes it: what to lease, which endpoints to call, and who makes entries of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from dekr.cache.entry import Entry
from dekr.cache.entry_cache import Write
from dekr.errors import DekrError
from dekr.gate.call import Family
from dekr.gate.permit import FAILED_MS, Permit
from dekr.market.read.requirement import Requirement
from dekr.tiers import TierPolicy


class Fetcher(Protocol):
    """Makes the calls of one fetch and the entries of what they bring."""

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """Return an entry for each missing requirement, and any others that came along.

        ``cached``: the entries of the read's keys that the cache has, too old for the reader or of another use. Raises what the
        client and the permit raise, and Incomplete where only some entries were brought.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Fetch:
    """A way to fetch the entries that are missing.

    ``lease``: the name of the lease that one sandbox at a time holds; ``families``: the endpoint families to try in order;
    ``lease_ms``: how long a fetch may hold the lease. ``partial``: where the fetch fails, requirements that can be served are,
    and the rest is left out. ``distrust_ms``: for how long nobody repeats the fetch after an answer that is wrong.
    ``covered_by``: the lease of another fetch that may bring these entries, too; while somebody holds it, readers wait for that
    fetch first, but not for long. ``calls``: about how many calls of the upstream it takes.
    ``max_calls``: a request that has made so many calls leaves the next part to another request.
    """

    lease: str
    families: tuple[Family, ...]
    lease_ms: int
    fetcher: Fetcher
    partial: bool = False
    distrust_ms: int = FAILED_MS
    covered_by: str | None = None
    calls: int = 1
    max_calls: int | None = None


class Incomplete(Exception):
    """A fetch has brought only these writes: because ``error`` ended it, or, where that is None, because it brings one part under
    each permit, so that others have their turn in between.
    """

    def __init__(self, writes: list[Write], error: DekrError | None = None) -> None:
        super().__init__(error)
        self.writes, self.error = writes, error


class Step(NamedTuple):
    """A fetch of some of a read's requirements: those with these keys."""

    fetch: Fetch
    keys: frozenset[str]


class ReadPlan(NamedTuple):
    """The requirements of a read, and the fetch of those that are missing.

    ``fallback``: the requirements that will do instead where no fetch can bring the others and they cannot be served stale.
    ``steps``: in the place of the one fetch, several that are made one after the other.
    """

    requirements: Sequence[Requirement]
    fetch: Fetch
    fallback: Sequence[Requirement] = ()
    steps: Sequence[Step] = ()


class Planner(Protocol):
    """Decides what a read needs, once it is known what the cache has."""

    def plan(self, entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
        """Choose requirements from the entries found by key, the time (store's clock) and the reader's tier. May raise a DekrError
        for what shall not be fetched.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FixedPlan:
    """A plan that does not depend on what the cache has."""

    requirements: Sequence[Requirement]
    fetch: Fetch

    def plan(self, entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
        """Return the requirements and their fetch, whatever was found."""
        del entries, now_us, policy
        return ReadPlan(self.requirements, self.fetch)
