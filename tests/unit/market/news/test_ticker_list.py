"""A ticker's list of news, cut to a page and merged with a feed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dekr.errors import UpstreamInvalid
from dekr.market.news.ticker_list import LIST_SIZE, NewsList, parameters_of_cursor, published_us

SOON_US = 1 << 60


def article(minute: int, name: str = "") -> dict[str, Any]:
    return {"id": f"{minute}{name}", "published_utc": f"2026-11-20T{minute // 60:02d}:{minute % 60:02d}:00Z"}


def at_us(minute: int) -> int:
    return published_us(article(minute))


def list_of(articles: Sequence[Mapping[str, Any]], following: str | None = "behind") -> NewsList:
    sent = {"status": "OK", "count": len(articles), "results": list(articles)}
    times_us = [published_us(each) for each in articles]
    return NewsList({**sent, "next_url": following} if following else sent, False, 0, times_us)


def ids(found: NewsList | None) -> list[str]:
    assert found is not None
    return [each["id"] for each in found.articles]


FULL = list_of([article(minute) for minute in range(100, 90, -1)])


def test_new_articles_push_old_ones_out_and_the_next_page_begins_with_these() -> None:
    found = FULL.merged([article(103), article(102)], at_us(101), SOON_US, delayed=False)
    assert ids(found) == ["103", "102", *(str(minute) for minute in range(100, 92, -1))]
    assert found
    assert found.sent["count"] == LIST_SIZE
    assert parameters_of_cursor(found.sent["next_url"]) == {"limit": "10", "published_utc.lt": "2026-11-20T01:33:00Z"}
    assert found.sent["status"] == "OK"


def test_what_the_feed_does_not_have_is_gone() -> None:
    found = FULL.merged([article(102), article(99)], at_us(99), SOON_US, delayed=False)
    assert ids(found) == ["102", "99", *(str(minute) for minute in range(98, 90, -1))]
    assert found
    assert found.sent["next_url"] == "behind"


def test_a_list_that_gets_too_short_is_not_kept_while_there_are_more() -> None:
    assert FULL.merged([article(102)], at_us(99), SOON_US, delayed=False) is None
    whole = list_of([article(100), article(99)], None)
    found = whole.merged([article(102)], at_us(99), SOON_US, delayed=False)
    assert ids(found) == ["102"]


def test_a_cursor_behind_an_article_that_is_not_there_any_more_leads_nowhere() -> None:
    late = [article(minute, "b") for minute in range(105, 95, -1)]
    assert len(late) == LIST_SIZE
    assert FULL.merged(late, at_us(80), SOON_US, delayed=False) is None
    found = FULL.merged([*late, article(94, "b")], at_us(80), SOON_US, delayed=False)
    assert found
    assert parameters_of_cursor(found.sent["next_url"]) == {"limit": "10", "published_utc.lt": "2026-11-20T01:36:00Z"}


def test_what_may_have_changed_does_not_stay() -> None:
    assert FULL.merged([article(105)], at_us(102), at_us(100) + 1, delayed=False)
    assert FULL.merged([article(105)], at_us(102), at_us(100), delayed=False) is None


def test_a_list_out_of_order_is_left_alone() -> None:
    mixed = list_of([article(95), article(100), article(94)])
    assert mixed.merged([article(105)], at_us(98), SOON_US, delayed=False) is None


@pytest.mark.parametrize(("limit", "shown"), [(1, 1), (2, 1), (3, 1), (4, 4), (5, 5), (9, 5)])
def test_a_page_ends_between_two_moments(limit: int, shown: int) -> None:
    articles = [article(9), article(8, "a"), article(8, "b"), article(8, "c"), article(7)]
    page = list_of(articles).page(limit)
    assert page
    assert page["results"] == articles[:shown]
    behind = parameters_of_cursor(page["next_url"])
    assert behind == (
        None if limit >= 5 else {"limit": str(limit), "published_utc.lt": articles[shown - 1]["published_utc"]}
    )


def test_where_all_are_of_one_moment_there_is_no_page() -> None:
    assert list_of([article(8, "a"), article(8, "b")]).page(1) is None


def test_delay_stays_known() -> None:
    found = FULL.merged([article(105)], at_us(102), SOON_US, delayed=True)
    assert found
    assert found.delayed


@pytest.mark.parametrize("text", ["soon", "2026-11-20T15:00:00", "2026-11-20", ""])
def test_an_article_must_say_when(text: str) -> None:
    with pytest.raises(UpstreamInvalid):
        published_us({"published_utc": text})
