"""Pages of a list, and the address of the next page, whose parameters are encoded in one opaque cursor."""

from collections.abc import Iterable
from itertools import islice

from local.sandbox import parameters
from local.sandbox.parameters import Query
from local.sandbox.view import View
from local.sandbox.wire import Json, bad_request

_MARKER = "page_marker"


def marker(query: Query) -> str | None:
    """Return the position at which this page begins, as the page before it recorded it, or None on the first page."""
    return query.get(_MARKER)


def numeric_marker(query: Query) -> int | None:
    """Return the position at which this page begins as a number, or None on the first page. Raises Refusal (400)."""
    text = marker(query)
    if text is not None and not (text.isascii() and text.isdecimal()):
        raise bad_request("The parameter 'cursor' is not one of ours")
    return int(text) if text is not None else None


def page[T](items: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """Return the first ``limit`` items, and whether there are more."""
    items_and_one_more = list(islice(items, limit + 1))
    return items_and_one_more[:limit], len(items_and_one_more) > limit


def next_url(view: View, path: str, query: Query, position: object) -> Json:
    """Return the field ``next_url`` for an answer whose next page begins at ``position``."""
    return {"next_url": f"{view.base}{path}?cursor={parameters.cursor({**query, _MARKER: str(position)})}"}
