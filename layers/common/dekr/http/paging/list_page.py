"""Lists that go on from page to page: the upstream's own pages, behind our cursors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from dekr.errors import InvalidInput
from dekr.http.paging import cursors
from dekr.symbols import Ticker

ALWAYS_ALLOWED: Final = frozenset({"cursor", "limit", "apiKey", "tier", "format"})
"""Parameters that may be sent with any cursor."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A query of a list: ``parameters`` go upstream; ``ticker``: which one the list is about, where it is about one.

    ``path`` is the route's, ``repeated`` what a caller sends again with each cursor. Cursors are sealed to both.
    """

    path: str
    parameters: Mapping[str, str]
    ticker: Ticker | None = None
    repeated: Mapping[str, str] = field(default_factory=dict)

    def resumed(self, query: Mapping[str, str]) -> "ListQuery":
        """The query of the page that the cursor in the caller's ``query`` names; this one where there is no cursor.

        Raises InvalidInput for a cursor of another query, and for a parameter that must not be sent with a cursor: the cursor
        holds the first page's filters, and a page with others would hold wrong data.
        """
        cursor = query.get("cursor")
        if cursor is None:
            return self
        for name in query:
            if name not in ALWAYS_ALLOWED and name not in self.repeated:
                raise InvalidInput(name, "must not be sent with a cursor, which holds the filters of the first page")
        symbol, _, upstream = cursors.unseal(self._scope, cursor).partition(" ")
        if not upstream.isascii() or not upstream.isprintable():
            raise cursors.refused()
        ticker = Ticker.parse(symbol, "cursor") if symbol else None
        return ListQuery(self.path, {"cursor": upstream}, ticker, self.repeated)

    def next_path(self, answer: Mapping[str, Any]) -> str | None:
        """Path and query of the page after an answer, which has the upstream's cursor as its ``next_url``; None after the last."""
        upstream = answer.get("next_url")
        if not upstream:
            return None
        cursor = cursors.seal(self._scope, f"{self.ticker.text if self.ticker else ''} {upstream}")
        return f"{self.path}?{urlencode({**self.repeated, 'cursor': cursor})}"

    @property
    def _scope(self) -> str:
        return f"{self.path}?{urlencode(self.repeated)}"
