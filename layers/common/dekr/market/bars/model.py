"""Bars as the cache keeps them and as services return them."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dekr.cache.entry import Entry
from dekr.cache.freshness import DAY_US, SECOND_US
from dekr.flaws import Flaws

SETTLED_KEEP_US: Final = 7 * DAY_US
"""The time for which the store keeps a segment of bars. Past bars do not change, so this only bounds memory."""

PARTIAL_KEEP_US: Final = 3_600 * SECOND_US
"""The time for which it keeps a segment that lacks bars: that the plan's history covers in part only (it is as long as any refusal
of the plan), or whose bars were broken in part (the upstream may have mended them by then).
"""

type Row = list[Any]
"""A bar: [start of its window in ms, open, high, low, close, volume, vwap or None, transactions or None]."""


@dataclass(frozen=True, slots=True)
class Range:
    """A request for bars: those whose window starts in [first_ms, last_ms], at most ``limit`` of them."""

    first_ms: int
    last_ms: int
    limit: int

    def select(self, rows: list[Row]) -> list[Row]:
        """All rows (sorted by time) whose window starts in the range; the limit is not applied."""
        first = bisect_left(rows, self.first_ms, key=start_ms)
        return rows[first : bisect_right(rows, self.last_ms, key=start_ms)]

    def shown(self, rows: list[Row], *, newest: bool) -> "Range":
        """The part of the range that holds its newest rows up to the limit, or its oldest; ``rows``: all in the range."""
        if len(rows) <= self.limit:
            return self
        if newest:
            return replace(self, first_ms=start_ms(rows[-self.limit]))
        return replace(self, last_ms=start_ms(rows[self.limit - 1]))


@dataclass(frozen=True, slots=True)
class Page:
    """The bars of one cache entry, oldest first.

    ``delayed``: whether the upstream marked them as delayed. ``truncated``: whether the plan's history begins inside the entry's
    time, so that older bars may be missing. ``dropped``: the moments (ms) of bars that the upstream sent broken and that are not
    there; ``suspect``: those of bars whose prices can hardly be true. ``resampled``: bars of longer windows that were computed
    from these, by name of their series.
    """

    rows: list[Row]
    delayed: bool
    truncated: bool = False
    dropped: Sequence[int] = ()
    suspect: Sequence[int] = ()
    resampled: dict[str, list[Row]] = field(default_factory=dict, compare=False)

    @property
    def keep_us(self) -> int:
        """The time for which the store keeps the page, in microseconds."""
        return PARTIAL_KEEP_US if self.truncated or self.dropped else SETTLED_KEEP_US

    def before(self, end_ms: int) -> "Page":
        """The part of the page whose bars start before this moment."""
        rows = rows_between(self.rows, 0, end_ms)
        dropped, suspect = ([at_ms for at_ms in each if at_ms < end_ms] for each in (self.dropped, self.suspect))
        return Page(rows, self.delayed, self.truncated, dropped, suspect)

    def flaws(self, wanted: Range) -> Flaws:
        """The flaws of the page's part of a range."""
        first_ms, last_ms = wanted.first_ms, wanted.last_ms
        return Flaws(
            sum(first_ms <= at_ms <= last_ms for at_ms in self.dropped),
            sum(first_ms <= at_ms <= last_ms for at_ms in self.suspect),
        )

    def payload(self) -> bytes:
        """The page as JSON, the payload of its cache entry."""
        kept: dict[str, Any] = {"delayed": self.delayed, "bars": self.rows}
        if self.truncated:
            kept["cut"] = True
        if self.dropped:
            kept["dropped"] = list(self.dropped)
        if self.suspect:
            kept["suspect"] = list(self.suspect)
        return json.dumps(kept, separators=(",", ":")).encode()


def page_of(entry: Entry) -> Page:
    """The page in a cache entry, parsed once for as long as the entry object lives."""
    return entry.view(_page)


def rows_between(rows: list[Row], first_ms: int, end_ms: int) -> list[Row]:
    """The rows (sorted by time) whose window starts in [first_ms, end_ms)."""
    first = bisect_left(rows, first_ms, key=start_ms)
    return rows[first : bisect_left(rows, end_ms, key=start_ms)]


def start_ms(row: Row) -> int:
    """The start of a bar's window, in milliseconds since the epoch."""
    start: int = row[0]
    return start


def _page(kept: dict[str, Any]) -> Page:
    return Page(kept["bars"], kept["delayed"], kept.get("cut", False), kept.get("dropped", ()), kept.get("suspect", ()))
