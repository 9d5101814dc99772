"""The official client reads the news."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from local.sandbox.universe import WELL_KNOWN, tickers
from tests.contract.sandbox.conftest import Running

NEWS = "/v2/reference/news"
NOW = datetime(2026, 11, 20, 15, 0, 30, tzinfo=UTC)
THIN = tickers()[-1]


def month(running: Running) -> list[dict[str, Any]]:
    bounds = {"published_utc.gte": "2026-11-05", "published_utc.lt": "2026-11-20"}
    return [article for page in running.pages(NEWS, **bounds, limit=1_000) for article in page]


def test_ten_are_usual_the_newest_first(advanced: Running) -> None:
    answer = advanced.get(NEWS)
    times = [datetime.fromisoformat(article["published_utc"]) for article in answer["results"]]
    assert answer["count"] == len(times) == 10
    assert times == sorted(times, reverse=True)
    assert NOW - timedelta(minutes=10) < times[0] < NOW + timedelta(minutes=5)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("ticker", ["AAPL", "BACpL", THIN, None])
def test_pages_are_the_articles_of_one_page(advanced: Running, ticker: str | None, order: str) -> None:
    since = "2026-11-19" if ticker is None else "2026-10-01" if ticker == "AAPL" else "2025-01-01"
    bounds = {"published_utc_gte": since, "published_utc_lt": "2026-11-20T10:00:00Z"}
    official = advanced.official
    whole = list(official.list_ticker_news(ticker, **bounds, limit=1_000, order=order, sort="published_utc"))
    paged = list(official.list_ticker_news(ticker, **bounds, limit=max(2, len(whole) // 5), order=order))
    assert len(whole) > 5
    assert paged == whole
    assert len({article.id for article in whole}) == len(whole)
    times = [article.published_utc for article in whole]
    assert times == sorted(times, reverse=order == "desc")
    assert since <= min(times) <= max(times) < "2026-11-20T10"
    assert ticker is None or all(ticker in article.tickers for article in whole)


def test_the_articles_of_a_ticker_are_those_of_the_stream_that_name_it(advanced: Running) -> None:
    stream = month(advanced)
    named = Counter(ticker for article in stream for ticker in article["tickers"])
    bounds = {"published_utc.gte": "2026-11-05", "published_utc.lt": "2026-11-20", "limit": 1_000}
    second = [names[1] for article in stream if len(names := article["tickers"]) > 1 and names[1] not in WELL_KNOWN]
    for ticker in ("AAPL", "TLT", stream[0]["tickers"][0], stream[1]["tickers"][0], *second[:5]):
        expected = [article for article in stream if ticker in article["tickers"]]
        assert advanced.get(NEWS, ticker=ticker, **bounds)["results"] == expected != []
    assert named["AAPL"] > 100 > named["TLT"] > 5


def test_a_third_has_no_insights_and_some_have_them_for_some_tickers(advanced: Running) -> None:
    stream = month(advanced)
    with_insights = [article for article in stream if "insights" in article]
    assert 0.6 < len(with_insights) / len(stream) < 0.73
    about = [[insight["ticker"] for insight in article["insights"]] for article in with_insights]
    assert all(names == article["tickers"][: len(names)] for names, article in zip(about, with_insights, strict=True))
    assert any(len(names) < len(article["tickers"]) for names, article in zip(about, with_insights, strict=True))
    found = Counter(insight["sentiment"] for article in with_insights for insight in article["insights"])
    assert set(found) == {"positive", "neutral", "negative"}
    assert min(found.values()) > 500


def test_optional_fields_are_sometimes_absent(advanced: Running) -> None:
    stream = month(advanced)
    for name in ("author", "image_url", "keywords", "description"):
        assert 0.1 < sum(name not in article for article in stream) / len(stream) < 0.3
    for name in ("id", "publisher", "title", "published_utc", "article_url", "tickers"):
        assert all(article[name] for article in stream)


def test_some_have_the_same_time_and_pages_lose_none_of_them(advanced: Running) -> None:
    stream = month(advanced)
    same = next(first for first, second in pairwise(stream) if first["published_utc"] == second["published_utc"])
    bounds = {"published_utc": same["published_utc"], "limit": 1}
    pages = advanced.pages(NEWS, **bounds)
    assert [len(page) for page in pages] == [1, 1]
    assert pages[0] != pages[1]


def test_bounds_take_their_moment_in_or_leave_it_out(advanced: Running) -> None:
    first, *between, last = month(advanced)[100:120]

    def ids(**bounds: str) -> list[str]:
        named = {f"published_utc.{name}": value for name, value in bounds.items()}
        return [article["id"] for article in advanced.get(NEWS, **named, limit=100)["results"]]

    assert ids(gte=last["published_utc"], lte=first["published_utc"])[1:-1] == [article["id"] for article in between]
    assert ids(gt=last["published_utc"], lt=first["published_utc"]) == [article["id"] for article in between]


def test_a_new_article_comes_with_time_and_is_seen_by_every_plan(advanced: Running, free: Running) -> None:
    before = advanced.get(NEWS, ticker="AAPL")["results"]
    advanced.at("2026-11-20T21:00:00Z")
    after = advanced.get(NEWS, ticker="AAPL", limit=1_000)["results"]
    assert before[0] in after[1:]
    free.at("2026-11-20T21:00:00Z")
    assert free.get(NEWS, ticker="AAPL", limit=1_000)["results"] == after


def test_an_unknown_ticker_has_no_news(advanced: Running) -> None:
    assert list(advanced.official.list_ticker_news("NOSUCH")) == []
