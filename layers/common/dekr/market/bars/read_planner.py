"""One look for the bars of a plan: which entries would do, and which are taken.

Either the segments of the series itself, up to its newest bar; or these as far as they are settled, and the bars of the
present trading day from another entry (see dekr.market.bars.today), which other readers refresh, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import settled_floor_us, splits_floor_us
from dekr.market.bars.model import Page, Range, between, page_of
from dekr.market.bars.segments import last_trade_us
from dekr.market.bars.today import TodaySource
from dekr.market.read.fetch import Fetch, ReadPlan
from dekr.market.read.requirement import Requirement, not_fresh
from dekr.tiers import TierPolicy


@dataclass(slots=True)
class BarReadPlanner:
    """Chooses which cached entries answer a request for bars; a ``dekr.market.read.fetch.Planner``.

    ``own``: the wants of the series' own segments, in order of time, and ``fetch`` what gets them. ``present``: what else has the
    last day's bars, and ``fetch_present`` what gets it, where that may be fetched for its own sake. Where it has ``enough`` bars
    of the range ``wanted``, nothing else is needed. ``trusting``: whether adjusted entries from before the present trading day
    may do, if only there was no split since: then nothing is chosen, and ``unsplit`` has their keys.
    """

    own: Sequence[Requirement]
    fetch: Fetch
    wanted: Range
    enough: float
    trusting: bool
    present: TodaySource | None = None
    fetch_present: Fetch | None = None
    unsplit: Sequence[str] = ()
    shared: Sequence[Requirement] = field(init=False)

    def __post_init__(self) -> None:
        """Name the other set of wants."""
        self.shared = _with_present(self.own, self.present) if self.present else ()

    @property
    def keys(self) -> list[str]:
        """What to look at."""
        return list(dict.fromkeys(requirement.key for requirement in (*self.own, *self.shared)))

    def plan(self, entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
        """What is wanted, given what the cache has."""
        sets = self._sets(entries)
        gaps = [not_fresh(requirements, entries, now_us, policy) for requirements in sets]
        complete = [requirements for requirements, missing in zip(sets, gaps, strict=True) if not missing]
        if complete:
            # The one whose last day is newer.
            return ReadPlan(max(complete, key=lambda requirements: entries[requirements[-1].key].stamp_us), self.fetch)
        if self.trusting:
            self.unsplit = next(
                (old for requirements in sets if (old := _unsplit(requirements, entries, now_us, policy))), ()
            )
            if self.unsplit:
                return ReadPlan((), self.fetch)
        if self.fetch_present:
            for requirements, missing in zip(sets, gaps, strict=True):
                if missing == [*self.shared[-1:]]:
                    return ReadPlan(requirements, self.fetch_present, self.own)
        fallback = next(
            (requirements for requirements in sets[:-1] if _of_one_scale(requirements, entries, now_us)), ()
        )
        return ReadPlan(self.own, self.fetch, fallback)

    def _sets(self, entries: Mapping[str, Entry]) -> list[Sequence[Requirement]]:
        """The sets of wants that would do, the smallest first."""
        if self.present is None:
            return [self.own]
        here = self.present.page(entries.get(self.present.requirement.key))
        if here is None:
            return [self.shared, self.own] if self.fetch_present else [self.own]
        few = len(self.wanted.of(here.rows)) < self.enough
        return [self.shared, self.own] if few else [self.shared[-1:], self.shared, self.own]

    def pages(self, requirements: Sequence[Requirement], entries: Mapping[str, Entry]) -> list[Page]:
        """The pages of the wants that were met, in order of time."""
        if self.present is None or requirements[-1] != self.present.requirement:
            return [page_of(entries[requirement.key]) for requirement in requirements]
        here = self.present.page(entries[requirements[-1].key])
        assert here is not None
        pages = [page_of(entries[requirement.key]) for requirement in requirements[:-1]]
        begins_ms = self.present.segment.start_ms
        return [*(Page(between(page.rows, 0, begins_ms), page.delayed) for page in pages), here]


def _with_present(own: Sequence[Requirement], present: TodaySource) -> Sequence[Requirement]:
    *others, last = own
    begins_us = present.segment.start_ms * 1000
    if not present.alone:
        assert last.needed_until_us is not None
        others.append(replace(last, needed_until_us=min(last.needed_until_us, last_trade_us(begins_us)), tail=False))
    return (*others, present.requirement)


def _unsplit(
    requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int, policy: TierPolicy
) -> list[str]:
    """The keys of the entries that are not fresh for the one reason that there may have been a split since, where all the others
    are fresh: nothing was traded between them and the present trading day.
    """
    floor = splits_floor_us(now_us)
    if not_fresh([replace(requirement, adjusted=False) for requirement in requirements], entries, now_us, policy):
        return []
    old = [
        requirement
        for requirement in requirements
        if requirement.adjusted and entries[requirement.key].stamp_us <= floor
    ]
    closed_us = last_trade_us(floor + 1)
    settled = all(
        entries[requirement.key].kind is Kind.VALUE
        and entries[requirement.key].stamp_us
        > settled_floor_us(min(requirement.needed_until_us or closed_us, closed_us))
        for requirement in old
    )
    return [requirement.key for requirement in old] if settled else []


def _of_one_scale(requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int) -> bool:
    """Whether no split can lie between these entries."""
    stamps = [entries[requirement.key].stamp_us if requirement.key in entries else 0 for requirement in requirements]
    return not any(requirement.adjusted for requirement in requirements) or min(stamps) > splits_floor_us(now_us)
