"""A raw query string becomes parameters: plainly on Dekr's routes, and as Polygon reads it on Polygon's."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekr.errors import InvalidInput
from dekr.http.edge.query import parse

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@given(st.dictionaries(NAMES, NAMES), st.data())
def test_empty_pairs_count_for_nothing(parameters: dict[str, str], data: st.DataObject) -> None:
    parameters.pop("apikey", None)
    pairs = [urlencode({name: value}) for name, value in parameters.items()]
    gaps = [data.draw(st.integers(0, 3)) for _ in range(len(pairs) + 1)]
    raw = "&" * gaps[0] + "".join(f"{pair}{'&' * (gap + 1)}" for pair, gap in zip(pairs, gaps[1:], strict=True))
    assert parse(raw) == parse(raw, as_polygon=True) == parameters


def test_an_empty_value_is_absent_on_polygons_routes_alone() -> None:
    assert parse("ticker=&type=&limit=5&order", as_polygon=True) == {"limit": "5"}
    assert parse("ticker=&limit=5") == {"ticker": "", "limit": "5"}
    with pytest.raises(InvalidInput, match="query: "):
        parse("limit=5&order")


def test_the_key_may_be_in_small_letters_on_polygons_routes_alone() -> None:
    assert parse("apikey=fake", as_polygon=True) == {"apiKey": "fake"}
    assert parse("apikey=fake") == {"apikey": "fake"}


def test_what_is_repeated_counts_once_on_polygons_routes_alone() -> None:
    assert parse("sort=asc&limit=5&cursor=x&limit=5&sort=asc", as_polygon=True) == {
        "sort": "asc",
        "limit": "5",
        "cursor": "x",
    }
    for raw, as_polygon in (("limit=5&limit=6", True), ("limit=5&limit=5", False)):
        with pytest.raises(InvalidInput, match="limit: must not be given more than once"):
            parse(raw, as_polygon=as_polygon)


@pytest.mark.parametrize("as_polygon", [False, True])
def test_lists_may_be_repeated(*, as_polygon: bool) -> None:
    assert parse("tickers=A&tickers=B", as_polygon=as_polygon) == {"tickers": "A,B"}
    assert parse("ticker.any_of=A,B&ticker.any_of=C", as_polygon=as_polygon) == {"ticker.any_of": "A,B,C"}
