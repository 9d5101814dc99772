"""Pages of what lies in a range of time: bars, and values of indicators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from dekr.cursors import Cursors, refused
from dekr.http.paging.time_filters import Span
from dekr.market.bars.model import Range

_REST: Final = re.compile(r"(\d{1,15})\.(\d{1,15})(?:\.(\d{1,5}))?", re.ASCII)


def fitting(texts: list[str], room: float) -> list[str]:
    """The first of these texts, which are ASCII, that go into ``room`` bytes with a separator of one byte after each."""
    if sum(map(len, texts)) + len(texts) <= room:
        return texts
    parts: list[str] = []
    for text in texts:
        room -= len(text) + 1
        if room < 0:
            break
        parts.append(text)
    return parts


@dataclass(frozen=True, slots=True)
class RangePage:
    """One page of the items in a range of time, and how the pages after it are found.

    ``cursors`` signs the pages' cursors; ``scope`` names the query, so that no other one takes them. The range is from
    ``first_ms`` to ``last_ms``, both in it, in milliseconds since 1970. ``size``: items in a page of a whole range at most.
    ``left``: only so many of the newest items are meant; they are read at once, so the page holds them all where it is not cut
    earlier. None: all of the range. An item is a sequence that begins with its moment in milliseconds; no two have the same.
    """

    cursors: Cursors
    scope: str
    first_ms: int
    last_ms: int
    newest_first: bool
    size: int
    left: int | None = None

    @classmethod
    def over(cls, cursors: Cursors, span: Span, scope: str, size: int, *, newest_first: bool) -> "RangePage":
        """The first page of all items in a span of milliseconds."""
        return cls(cursors, scope, span.first, span.last, newest_first, size)

    def resumed(self, cursor: str, max_left: int = 0) -> "RangePage":
        """The page that a cursor of this query names: a part of this page's range.

        ``max_left``: the largest number of items that may be left of a limit; 0 where no cursor of the query has one.
        Raises InvalidInput (``invalid_cursor``) for any other cursor.
        """
        match = _REST.fullmatch(self.cursors.unseal(self._sealed_scope, cursor))
        if match is None:
            raise refused()
        first_ms, last_ms = int(match[1]), int(match[2])
        left = None if match[3] is None else int(match[3])
        if not self.first_ms <= first_ms <= last_ms <= self.last_ms or (left is not None and not 0 < left <= max_left):
            raise refused()
        return replace(self, first_ms=first_ms, last_ms=last_ms, left=left)

    @property
    def cursor(self) -> str:
        """The cursor that names this page, for ``resumed`` of a page of the same query."""
        rest = f"{self.first_ms}.{self.last_ms}" + ("" if self.left is None else f".{self.left}")
        return self.cursors.seal(self._sealed_scope, rest)

    @property
    def order(self) -> Literal["asc", "desc"]:
        """The order of the items, as the routes' parameters write it."""
        return "desc" if self.newest_first else "asc"

    @property
    def range(self) -> Range:
        """The range to read for this page: of a whole range one item more than fits, which tells whether another page follows."""
        return Range(self.first_ms, self.last_ms, self.size + 1 if self.left is None else self.left)

    def chosen[T](self, oldest: T, newest: T) -> T:
        """The one that is right for this page of two ways to read ``range``: its oldest items, or its newest."""
        return oldest if self.left is None and not self.newest_first else newest

    def ordered[T](self, items: Sequence[T]) -> Sequence[T]:
        """These items, which are read the oldest first, in the order of the query."""
        return items[::-1] if self.newest_first else items

    def cut[T: Sequence[Any]](
        self, items: Sequence[T], most: int | None = None
    ) -> tuple[Sequence[T], "RangePage | None"]:
        """The items of this page in the order of the query, and the page after it; None where this is the last one.

        ``items``: what was read for ``range``, the oldest first. ``most``: how many of them go into the answer; None: all.
        """
        ordered = self.ordered(items)
        size = self.size if self.left is None else self.left
        if most is not None:
            size = min(size, most)
        return ordered[:size], self.rest(ordered, size)

    def rest(self, ordered: Sequence[Sequence[Any]], at: int) -> "RangePage | None":
        """The page that begins at the place ``at`` of the items that were read for this one, in the order of the query; None where
        there is no item.
        """
        if at >= len(ordered):
            return None
        next_ms = ordered[at][0]
        if self.left is None:
            return replace(self, last_ms=next_ms) if self.newest_first else replace(self, first_ms=next_ms)
        # Both ends are known, so that no newer item takes the place of one that is left.
        first_ms, last_ms = sorted((next_ms, ordered[-1][0]))
        return replace(self, first_ms=first_ms, last_ms=last_ms, left=len(ordered) - at)

    @property
    def _sealed_scope(self) -> str:
        return f"{self.scope}:{self.order}"
