"""The entries that a read requires, and the rules by which a cached entry meets a requirement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import (
    NEGATIVE_AGE_US,
    DataClass,
    final_floor_us,
    floor_us,
    fresh_until_us,
    is_fresh,
    settled_floor_us,
    splits_floor_us,
    splits_until_us,
)
from dekr.tiers import TierPolicy

SETTLED_FOR_US: Final = 24 * 3600 * 1_000_000
"""Data that do not change any more are reported as fresh for a day."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """An entry that a read needs.

    ``needed_until_us``: end of the part of it that is needed; once the bars of everything before that moment are settled, no age
    applies. ``tail``: whether newer data than that part would change the answer. ``adjusted``: whether a split makes it
    wrong, however settled it is. ``stand_in``: whether what stands for a value will do.
    """

    key: str
    data: DataClass
    needed_until_us: int | None = None
    tail: bool = True
    adjusted: bool = False
    stand_in: bool = False
    rule: tuple[DataClass, int | None, bool, bool] = field(init=False, repr=False, compare=False)
    """The fields that decide how old the entry may be; requirements with equal rules have equal floors."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", (self.data, self.needed_until_us, self.tail, self.adjusted))

    def floor_us(self, now_us: int, policy: TierPolicy) -> int:
        """Stamps above this are fresh for a reader of this tier."""
        floor = floor_us(now_us, policy, self.data)
        if self.needed_until_us is not None:
            floor = min(floor, settled_floor_us(self.needed_until_us))
        return max(floor, splits_floor_us(now_us)) if self.adjusted else floor

    def stale_floor_us(self, now_us: int, policy: TierPolicy, stale_us: int) -> int:
        """Stamps above this may be served as stale, splits left aside: those inside the stale window of ``stale_us``, and those
        that have everything traded in the needed part, although its last corrections may be missing.
        """
        floor = floor_us(now_us, policy, self.data)
        if self.needed_until_us is not None:
            floor = min(floor, final_floor_us(self.needed_until_us))
        return floor - stale_us

    def ages(self, entry: Entry) -> bool:
        """Whether time can make this entry too old for this requirement."""
        settled = self.needed_until_us is not None and entry.stamp_us > settled_floor_us(self.needed_until_us)
        return self.tail or entry.kind is Kind.NEGATIVE or not settled

    def fresh_until_us(self, entry: Entry, now_us: int, policy: TierPolicy) -> int:
        """The moment at which this entry stops being fresh for a reader of this tier."""
        if entry.kind is Kind.NEGATIVE:
            return entry.stamp_us + NEGATIVE_AGE_US
        if not self.ages(entry):
            until = now_us + SETTLED_FOR_US
            return min(until, splits_until_us(now_us)) if self.adjusted else until
        return fresh_until_us(entry.stamp_us, now_us, policy, self.data)


@lru_cache(maxsize=16_384)
def real_time(key: str, *, stand_in: bool = False) -> Requirement:
    """The requirement of a whole entry of real-time data. ``stand_in``: whether what stands for a value will do."""
    return Requirement(key, DataClass.REAL_TIME, stand_in=stand_in)


def not_fresh(
    requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int, policy: TierPolicy
) -> list[Requirement]:
    """The requirements whose entry is absent, too old for a reader of this tier, or a stand-in that will not do."""
    missing: list[Requirement] = []
    rule, floor = None, 0
    for requirement in requirements:
        entry = entries.get(requirement.key)
        if entry is None:
            missing.append(requirement)
            continue
        if requirement.rule != rule:
            rule, floor = requirement.rule, requirement.floor_us(now_us, policy)
        least = now_us - NEGATIVE_AGE_US if entry.kind is Kind.NEGATIVE else floor
        refused = entry.kind is Kind.STAND_IN and not requirement.stand_in
        if refused or not is_fresh(entry.stamp_us, least, now_us):
            missing.append(requirement)
    return missing


def of_older_scale(requirements: Sequence[Requirement], entries: Mapping[str, Entry], now_us: int) -> list[Requirement]:
    """The requirements of adjusted prices whose entries may be of the scale before a split, where those of others are of the scale
    after it; none where all may be of one scale.
    """
    floor = splits_floor_us(now_us)
    adjusted = [each for each in requirements if each.adjusted and each.key in entries]
    older = [each for each in adjusted if entries[each.key].stamp_us <= floor]
    return older if len(older) < len(adjusted) else []


def first_to_age(requirements: Sequence[Requirement], entries: Mapping[str, Entry]) -> list[Requirement]:
    """The requirements whose entry grows too old first: of each rule and kind the one with the oldest entry."""
    if len(requirements) == 1:
        return [requirement for requirement in requirements if requirement.ages(entries[requirement.key])]
    oldest: dict[tuple[object, Kind], Requirement] = {}
    rule, kind, stamp_us = None, None, 0
    for requirement in requirements:
        entry = entries[requirement.key]
        if requirement.rule == rule and entry.kind is kind and entry.stamp_us >= stamp_us:
            continue
        case = rule, kind = requirement.rule, entry.kind
        known = oldest.get(case)
        if known is None or entry.stamp_us < entries[known.key].stamp_us:
            oldest[case] = requirement
        stamp_us = entries[oldest[case].key].stamp_us
    return [requirement for requirement in oldest.values() if requirement.ages(entries[requirement.key])]
