"""Chooses which cached entries answer a read of neighbouring segments.

Either the segments of the series itself, up to its newest bar; or these as far as they are settled, and the bars of the
present trading day derived from another entry (dekr.market.bars.today), which readers of other data refresh, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import final_floor_us, settled_floor_us, splits_floor_us
from dekr.market.bars.fetch import SegmentFetches
from dekr.market.bars.limits import MAX_CALLS, TooManyCalls
from dekr.market.bars.model import Page, Range, page_of
from dekr.market.bars.segment_planner import estimated_calls
from dekr.market.bars.segments import Segment, Series, trading_end_us
from dekr.market.bars.today import TodaySource
from dekr.market.read.fetch import Fetch, ReadPlan, Step
from dekr.market.read.requirement import Requirement, not_fresh
from dekr.tiers import TierPolicy


@dataclass(frozen=True, slots=True, eq=False)
class OwnFetches:
    """Describes the fetches of a series' own segments, which ``segments`` has by cache key, oldest first.

    ``today``: the present day. ``made``: how many calls the request has made. ``bars_per_day``: the series' bars in a day, as far
    as they are known.
    """

    fetches: SegmentFetches
    series: Series
    segments: Mapping[str, Segment]
    today: date
    made: int
    bars_per_day: float | None

    @property
    def whole(self) -> Fetch:
        """The fetch of all segments, whichever are missing."""
        return self._of(newest=True, calls=1)

    def steps(self, missing: Sequence[str], entries: Mapping[str, Entry]) -> list[Step]:
        """The fetches that bring the segments with these keys, one after the other. Where more than one call is needed, the segment
        that still grows is fetched alone: before the others, or after them where an old entry of it is cached. Raises
        TooManyCalls.
        """
        *_, (newest_key, newest) = self.segments.items()
        grows = newest_key in missing and newest.end > self.today
        calls = self._calls(missing)
        if self.made + calls > MAX_CALLS:
            raise TooManyCalls(self.series, self.made + calls)
        if calls == 1 or not grows or len(missing) == 1:
            return [Step(self._of(newest=grows, calls=calls), frozenset(self.segments))]
        others = [key for key in missing if key != newest_key]
        steps = [
            Step(self._of(newest=True, calls=1), frozenset([newest_key])),
            Step(self._of(newest=False, calls=self._calls(others)), frozenset(self.segments.keys() - {newest_key})),
        ]
        return steps if newest_key not in entries else steps[::-1]

    def _calls(self, missing: Sequence[str]) -> int:
        return estimated_calls(self.series, [self.segments[key] for key in missing], self.bars_per_day)

    def _of(self, *, newest: bool, calls: int) -> Fetch:
        return self.fetches.of(self.series, self.segments, newest=newest, calls=calls)


@dataclass(slots=True, eq=False)
class BarReadPlanner:
    """Chooses which cached entries answer a request for bars; a ``dekr.market.read.fetch.Planner``.

    ``own``: the requirements of the series' own segments, oldest first; ``fetches`` brings those that are missing. ``today``: the
    other entry that holds the last day's bars; ``fetch_today`` brings it, where it may be fetched for its own sake. Where that
    entry alone has ``sufficient_bars`` of the range ``wanted``, nothing else is required. ``may_revalidate``: whether adjusted
    entries from before the present trading day may be used once it is known that there was no split since; the plan then
    requires nothing, and ``to_revalidate`` has the keys of these entries. ``calls``: about how many calls the last plan takes.
    """

    own: Sequence[Requirement]
    fetches: OwnFetches
    wanted: Range
    sufficient_bars: float
    may_revalidate: bool
    today: TodaySource | None = None
    fetch_today: Fetch | None = None
    to_revalidate: Sequence[str] = ()
    calls: int = 0
    with_today: Sequence[Requirement] = field(init=False)

    def __post_init__(self) -> None:
        self.with_today = _with_today(self.own, self.today) if self.today else ()

    @property
    def keys(self) -> list[str]:
        """The keys of all entries that can be part of the answer, each once."""
        return list(dict.fromkeys(requirement.key for requirement in (*self.own, *self.with_today)))

    def plan(self, entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
        """Choose the requirements that are fresh already, else those whose fetch costs least. Raises TooManyCalls."""
        sets = self._sufficient_sets(entries)
        gaps = [not_fresh(requirements, entries, now_us, policy) for requirements in sets]
        complete = [requirements for requirements, missing in zip(sets, gaps, strict=True) if not missing]
        if complete:
            return ReadPlan(self._best(complete, entries), self.fetches.whole)
        if self.may_revalidate:
            self.to_revalidate = next(
                (keys for requirements in sets if (keys := _only_doubted(requirements, entries, now_us, policy))), ()
            )
            if self.to_revalidate:
                return ReadPlan((), self.fetches.whole)
        if self.fetch_today:
            for requirements, missing in zip(sets, gaps, strict=True):
                if missing == [*self.with_today[-1:]]:
                    return ReadPlan(requirements, self.fetch_today, self.own)
        fallback = next(
            (requirements for requirements in sets[:-1] if _of_one_scale(requirements, entries, now_us)), ()
        )
        steps = self.fetches.steps([requirement.key for requirement in gaps[-1]], entries)
        self.calls = sum(step.fetch.calls for step in steps)
        return ReadPlan(self.own, steps[0].fetch, fallback, steps)

    def _best(self, complete: Sequence[Sequence[Requirement]], entries: Mapping[str, Entry]) -> Sequence[Requirement]:
        """The set to answer from, of those that are all fresh. The upstream's own bars are better than derived ones, unless these
        are of a newer fetch of minutes in a day that is not over: what is served must not go back in time.
        """
        stamps = [entries[requirements[-1].key].stamp_us for requirements in complete]
        if complete[-1] == self.own and self.today:
            until_us = self.today.requirement.needed_until_us
            if self.today.minutes is None or (until_us and stamps[-1] > final_floor_us(until_us)):
                return self.own
        return complete[stamps.index(max(stamps))]

    def _sufficient_sets(self, entries: Mapping[str, Entry]) -> list[Sequence[Requirement]]:
        """The sets of requirements each of which answers the request, the smallest first."""
        if self.today is None:
            return [self.own]
        page = self.today.page(entries.get(self.today.requirement.key))
        if page is None:
            return [self.with_today, self.own] if self.fetch_today else [self.own]
        if len(self.wanted.select(page.rows)) < self.sufficient_bars:
            return [self.with_today, self.own]
        return [self.with_today[-1:], self.with_today, self.own]

    def derived(self, requirements: Sequence[Requirement]) -> bool:
        """Whether the last of the requirements that were met is that of the day's other entry."""
        return self.today is not None and requirements[-1] == self.today.requirement

    def pages(self, requirements: Sequence[Requirement], entries: Mapping[str, Entry]) -> list[Page]:
        """The pages of the requirements that were met, oldest first, without overlap."""
        if self.today is None or not self.derived(requirements):
            return [page_of(entries[requirement.key]) for requirement in requirements]
        newest = self.today.page(entries[requirements[-1].key])
        assert newest is not None, "an entry without the day's bars is not chosen"
        pages = [page_of(entries[requirement.key]) for requirement in requirements[:-1]]
        begin_ms = self.today.segment.start_ms
        return [*(page.before(begin_ms) for page in pages), newest]


def _with_today(own: Sequence[Requirement], today: TodaySource) -> Sequence[Requirement]:
    """The own requirements up to the start of the day, then that of the day's other source."""
    *others, last = own
    begin_us = today.segment.start_ms * 1000
    if not today.whole_segment:
        assert last.needed_until_us is not None, "a segment of bars is needed up to some moment"
        until_us = min(last.needed_until_us, trading_end_us(begin_us))
        others.append(replace(last, needed_until_us=until_us, tail=False))
    return (*others, today.requirement)


def _only_doubted(
    requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int, policy: TierPolicy
) -> list[str]:
    """The keys of the entries whose only fault is that there may have been a split since their fetch.

    Empty where any entry has another fault, or where there was trading between the fetch and the present trading day.
    """
    floor = splits_floor_us(now_us)
    if not_fresh([replace(requirement, adjusted=False) for requirement in requirements], entries, now_us, policy):
        return []
    old = [
        requirement
        for requirement in requirements
        if requirement.adjusted and entries[requirement.key].stamp_us <= floor
    ]
    closed_us = trading_end_us(floor + 1)
    settled = all(
        entries[requirement.key].kind is Kind.VALUE
        and entries[requirement.key].stamp_us
        > settled_floor_us(min(requirement.needed_until_us or closed_us, closed_us))
        for requirement in old
    )
    return [requirement.key for requirement in old] if settled else []


def _of_one_scale(requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int) -> bool:
    """Whether no split can have taken effect between the fetches of these entries."""
    stamps = [entries[requirement.key].stamp_us if requirement.key in entries else 0 for requirement in requirements]
    return not any(requirement.adjusted for requirement in requirements) or min(stamps) > splits_floor_us(now_us)
