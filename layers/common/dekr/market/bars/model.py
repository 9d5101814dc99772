"""Bars as they are kept and handed out."""

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Any

from dekr.cache.entry import Entry

type Row = list[Any]
"""A bar: [start of its window in ms, open, high, low, close, volume, vwap or None, transactions or None]."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which bars are asked for: those whose window starts in [first_ms, last_ms], at most ``limit`` of them."""

    first_ms: int
    last_ms: int
    limit: int

    def of(self, rows: list[Row]) -> list[Row]:
        """The rows (in order of time) that are in the range, however many."""
        first = bisect_left(rows, self.first_ms, key=start_ms)
        return rows[first : bisect_right(rows, self.last_ms, key=start_ms)]


@dataclass(frozen=True, slots=True)
class Page:
    """The bars of one entry, oldest first. ``cut``: the plan's history begins inside the stretch of time that they are of.
    ``longer``: what was made of them last, by series.
    """

    rows: list[Row]
    delayed: bool
    cut: bool = False
    longer: dict[str, list[Row]] = field(default_factory=dict, compare=False)

    def payload(self) -> bytes:
        """The page as an entry keeps it."""
        kept: dict[str, Any] = {"delayed": self.delayed, "bars": self.rows}
        if self.cut:
            kept["cut"] = True
        return json.dumps(kept, separators=(",", ":")).encode()


def page_of(entry: Entry) -> Page:
    """The page that an entry keeps."""
    return entry.view(_page)


def between(rows: list[Row], first_ms: int, end_ms: int) -> list[Row]:
    """The rows (in order of time) whose window starts in [first_ms, end_ms)."""
    first = bisect_left(rows, first_ms, key=start_ms)
    return rows[first : bisect_left(rows, end_ms, key=start_ms)]


def start_ms(row: Row) -> int:
    """The start of the bar's window."""
    start: int = row[0]
    return start


def _page(kept: dict[str, Any]) -> Page:
    return Page(kept["bars"], kept["delayed"], kept.get("cut", False))
