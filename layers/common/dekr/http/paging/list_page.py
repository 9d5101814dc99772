"""Lists that go on from page to page: the upstream's own pages, behind our cursors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from dekr.cursors import Cursors, refused
from dekr.errors import InvalidInput
from dekr.symbols import Ticker

ALWAYS_ALLOWED: Final = frozenset({"cursor", "limit", "apiKey", "tier", "format"})
"""Parameters that may be sent with any cursor."""

ORDERING: Final = ("sort", "order")
"""Parameters that may be sent with a cursor where the first page had the same: the vendor's Go client can add them to each page."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A query of a list: ``parameters`` go upstream; ``ticker``: which one the list is about, where it is about one.

    ``cursors`` signs its cursors. ``path`` is the route's, ``repeated`` what a caller sends again with each cursor; cursors are
    sealed to both. ``first_ordering``: the values of ORDERING on the first page, where this is a later one.
    """

    cursors: Cursors
    path: str
    parameters: Mapping[str, str]
    ticker: Ticker | None = None
    repeated: Mapping[str, str] = field(default_factory=dict)
    first_ordering: tuple[str, ...] = ()

    def resumed(self, query: Mapping[str, str]) -> "ListQuery":
        """The query of the page that the cursor in the caller's ``query`` names; this one where there is no cursor.

        Raises InvalidInput for a cursor of another query, and for a parameter that must not be sent with a cursor: the cursor
        holds the first page's filters and order, and a page with others would hold wrong data.
        """
        cursor = query.get("cursor")
        if cursor is None:
            return self
        for name in query:
            if name not in ALWAYS_ALLOWED and name not in self.repeated and name not in ORDERING:
                raise InvalidInput(name, "must not be sent with a cursor, which holds the filters of the first page")
        symbol, *first, upstream = self.cursors.unseal(self._scope, cursor).split(" ", len(ORDERING) + 1)
        for name, value, again in zip(ORDERING, first, self._ordering, strict=True):
            if name in query and value != again:
                raise InvalidInput(name, "must not differ from the first page's, which the cursor holds")
        if not upstream.isascii() or not upstream.isprintable():
            raise refused()
        ticker = Ticker.parse(symbol, "cursor") if symbol else None
        return ListQuery(self.cursors, self.path, {"cursor": upstream}, ticker, self.repeated, tuple(first))

    def next_path(self, answer: Mapping[str, Any]) -> str | None:
        """Path and query of the page after an answer, which has the upstream's cursor as its ``next_url``; None after the last."""
        upstream = answer.get("next_url")
        if not upstream:
            return None
        held = " ".join((self.ticker.text if self.ticker else "", *self._ordering, upstream))
        return f"{self.path}?{urlencode({**self.repeated, 'cursor': self.cursors.seal(self._scope, held)})}"

    @property
    def _ordering(self) -> tuple[str, ...]:
        return self.first_ordering or tuple(self.parameters.get(name, "") for name in ORDERING)

    @property
    def _scope(self) -> str:
        return f"{self.path}?{urlencode(self.repeated)}"
