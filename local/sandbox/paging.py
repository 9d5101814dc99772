"""Pages: so many of what there is, and the address of the next one, which has its parameters in one opaque word."""

from collections.abc import Iterable
from itertools import islice

from local.sandbox import parameters
from local.sandbox.parameters import Query
from local.sandbox.view import View
from local.sandbox.wire import Json, bad_request

_MARKER = "page_marker"


def marker(query: Query) -> str | None:
    """Where the page begins: what the page before it said of its end. None on the first page."""
    return query.get(_MARKER)


def marked_number(query: Query) -> int | None:
    """The same where it is a number. Raises a 400 Refusal."""
    text = marker(query)
    if text is not None and not (text.isascii() and text.isdecimal()):
        raise bad_request("The parameter 'cursor' is not one of ours")
    return int(text) if text is not None else None


def page[T](items: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """The first ``limit`` items, and whether there are more."""
    found = list(islice(items, limit + 1))
    return found[:limit], len(found) > limit


def next_url(view: View, path: str, query: Query, at: object) -> Json:
    """The field of an answer whose next page begins ``at`` a marker."""
    return {"next_url": f"{view.base}{path}?cursor={parameters.cursor({**query, _MARKER: str(at)})}"}
