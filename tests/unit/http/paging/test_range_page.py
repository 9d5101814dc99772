"""Pages over a range, put together, are what one large page would hold; a cursor leads nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.errors import InvalidInput
from dekr.http.paging.range_page import RangePage
from dekr.market.bars.model import Range
from tests.world import CURSORS

type Item = tuple[int, str]

MAX_MS = 1_000
MOMENTS = st.integers(0, MAX_MS)
HISTORY = st.sets(MOMENTS, max_size=30).map(lambda moments: [(moment, f"at {moment}") for moment in sorted(moments)])


def read(history: list[Item], requested: Range, *, from_oldest: bool) -> list[Item]:
    """Return the items of a range as a service would: the oldest first, at most as many as its limit."""
    inside = [item for item in history if requested.first_ms <= item[0] <= requested.last_ms]
    return inside[: requested.limit] if from_oldest else inside[-requested.limit :]


@given(
    history=HISTORY,
    bounds=st.tuples(MOMENTS, MOMENTS).map(sorted),
    newest_first=st.booleans(),
    size=st.integers(1, 12),
    limit=st.none() | st.integers(1, 40),
    fits=st.lists(st.integers(1, 12), min_size=1, max_size=4),
)
def test_the_pages_together_are_the_whole(
    history: list[Item], bounds: list[int], newest_first: bool, size: int, limit: int | None, fits: list[int]
) -> None:
    first_ms, last_ms = bounds
    whole = [item for item in history if first_ms <= item[0] <= last_ms]
    whole = whole if limit is None else whole[-limit:]
    start = RangePage(CURSORS, "query", first_ms, last_ms, newest_first, size)
    page: RangePage | None = RangePage(CURSORS, "query", first_ms, last_ms, newest_first, size, left=limit)
    met: list[Item] = []
    for turn in range(len(whole) + 1):
        assert page is not None
        items = read(history, page.range, from_oldest=page.chosen(True, False))
        shown, rest = page.cut(items)
        # An answer may have room for fewer items than the page holds.
        room = fits[turn % len(fits)]
        if room < len(shown):
            shown, rest = shown[:room], page.rest(page.ordered(items), room)
        assert len(shown) <= (size if limit is None else limit)
        met += shown
        if rest is None:
            break
        assert shown, "each page leads on"
        page = start.resumed(rest.cursor, max_left=40)
        assert page == rest
    else:
        pytest.fail("the pages do not end")
    assert met == (whole[::-1] if newest_first else whole)


def test_a_newer_item_takes_no_place_of_those_left() -> None:
    history = [(moment, "") for moment in range(1, 6)]
    page = RangePage(CURSORS, "query", 0, MAX_MS, newest_first=False, size=10, left=4)
    rest = page.rest(page.ordered(read(history, page.range, from_oldest=page.chosen(True, False))), 2)
    assert rest is not None
    assert rest.left == 2
    later = [*history, (6, "")]
    assert [item[0] for item in read(later, rest.range, from_oldest=rest.chosen(True, False))] == [4, 5]


@pytest.mark.parametrize(
    "other",
    [
        RangePage(CURSORS, "another", 0, MAX_MS, newest_first=True, size=5),
        RangePage(CURSORS, "query", 0, MAX_MS, newest_first=False, size=5),
        RangePage(CURSORS, "query", 101, MAX_MS, newest_first=True, size=5),
        RangePage(CURSORS, "query", 0, 199, newest_first=True, size=5),
    ],
)
def test_a_cursor_of_another_query_is_refused(other: RangePage) -> None:
    page = RangePage(CURSORS, "query", 0, MAX_MS, newest_first=True, size=5)
    cursor = RangePage(CURSORS, "query", 100, 200, newest_first=True, size=5).cursor
    assert page.resumed(cursor) == RangePage(CURSORS, "query", 100, 200, newest_first=True, size=5)
    with pytest.raises(InvalidInput) as refusal:
        other.resumed(cursor)
    assert refusal.value.code == "invalid_cursor"


@given(st.text(max_size=20))
def test_any_other_text_is_refused(text: str) -> None:
    page = RangePage(CURSORS, "query", 0, MAX_MS, newest_first=True, size=5)
    with pytest.raises(InvalidInput):
        page.resumed(text, max_left=5)


@pytest.mark.parametrize("rest", ["", "1", "2.1", "1.1001", "1.2.", "1.2.0", "1.2.6", "1.2.3.4", "-1.2", "1.\u0662"])
def test_a_rest_that_breaks_the_rules_is_refused(rest: str) -> None:
    page = RangePage(CURSORS, "query", 0, MAX_MS, newest_first=True, size=5)
    assert page.resumed(CURSORS.seal(page._sealed_scope, "1.2.5"), max_left=5).left == 5
    with pytest.raises(InvalidInput):
        page.resumed(CURSORS.seal(page._sealed_scope, rest), max_left=5)


def test_what_is_left_of_a_limit_is_refused_where_no_cursor_has_one() -> None:
    page = RangePage(CURSORS, "query", 0, MAX_MS, newest_first=True, size=5)
    with pytest.raises(InvalidInput):
        page.resumed(CURSORS.seal(page._sealed_scope, "1.2.3"))
