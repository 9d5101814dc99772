"""The routes of news in both dialects."""

from collections import Counter
from typing import Any

import httpx

from dekr.http.polygon.shapes import Page
from dekr.models.news import News
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import fails, pages, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped
from tests.world import World

REFERENCE = "/v2/reference/news"


def _sent(market: Market, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = upstream_answer(market, REFERENCE, **parameters)["results"]
    return found


def test_articles_are_the_upstreams_with_nothing_added(night: Market) -> None:
    news = shaped(News, night.world.get("/news?symbol=AAPL&limit=100", night.world.key()))
    sent = _sent(night, ticker="AAPL", limit=100)
    assert len(sent) == 100
    for article, theirs in zip(news["articles"], sent, strict=True):
        insights = {found["ticker"]: found for found in theirs.get("insights", [])}
        assert article == {
            "id": theirs["id"],
            "title": theirs["title"],
            "published_at": theirs["published_utc"],
            "url": theirs["article_url"],
            "publisher": theirs["publisher"]["name"],
            "author": theirs.get("author"),
            "description": theirs.get("description"),
            "image_url": theirs.get("image_url"),
            "symbols": theirs["tickers"],
            "keywords": theirs.get("keywords", []),
            "sentiment": insights.get("AAPL", {}).get("sentiment"),
            "sentiments": [
                {"symbol": each["ticker"], "sentiment": each["sentiment"], "reasoning": each["sentiment_reasoning"]}
                for each in theirs.get("insights", [])
            ],
        }


def test_a_summary_counts_what_the_articles_say(night: Market) -> None:
    news = night.world.get("/news?symbol=AAPL&limit=200", night.world.key()).json
    (summary,) = news["summaries"]
    words = Counter(article["sentiment"] for article in news["articles"])
    assert (summary["symbol"], summary["articles"]) == ("AAPL", 200)
    assert {word: summary[word] for word in ("positive", "neutral", "negative")} == {
        word: words[word] for word in ("positive", "neutral", "negative")
    }
    assert summary["without_sentiment"] == words[None] > 0
    judged = 200 - words[None]
    assert summary["mean_score"] == (words["positive"] - words["negative"]) / judged


def test_without_a_symbol_there_is_a_summary_of_each_that_is_named(night: Market) -> None:
    news = shaped(News, night.world.get("/news?limit=50", night.world.key()))
    assert [article["id"] for article in news["articles"]] == [article["id"] for article in _sent(night, limit=50)]
    assert {article["sentiment"] for article in news["articles"]} == {None}
    named = Counter(symbol for article in news["articles"] for symbol in article["symbols"])
    assert {summary["symbol"]: summary["articles"] for summary in news["summaries"]} == named
    for summary in news["summaries"]:
        assert summary["articles"] == sum(
            summary[word] for word in ("positive", "neutral", "negative", "without_sentiment")
        )


def test_where_nobody_was_judged_there_is_no_mean(night: Market) -> None:
    news = night.world.get("/news?limit=50", night.world.key()).json
    silent = [summary for summary in news["summaries"] if summary["articles"] == summary["without_sentiment"]]
    assert silent
    assert {summary["mean_score"] for summary in silent} == {None}


def test_a_word_that_is_none_of_the_three_is_passed_on_and_counted_as_no_sentiment(world: World) -> None:
    article = {
        "id": "1",
        "title": "AAPL",
        "published_utc": "2026-11-20T14:00:00Z",
        "article_url": "https://news.example/1",
        "tickers": ["AAPL"],
        "publisher": {"name": "Example Finance"},
        "insights": [{"ticker": "AAPL", "sentiment": "mixed", "sentiment_reasoning": "Both."}],
    }
    world.upstream.answer = lambda _: httpx.Response(200, json={"status": "OK", "results": [article]})
    news = shaped(News, world.get("/news?symbol=AAPL", world.key()))
    assert news["articles"][0]["sentiment"] == "mixed"
    (summary,) = news["summaries"]
    assert (summary["articles"], summary["without_sentiment"], summary["mean_score"]) == (1, 1, None)


def test_a_ticker_without_news_has_none(night: Market) -> None:
    key = night.world.key()
    news = shaped(News, night.world.get("/news?symbol=ZZZZZ", key))
    assert news["articles"] == []
    assert news["summaries"][0]["mean_score"] is None
    calls = night.calls
    night.world.get("/news?symbol=ZZZZZ", key)
    assert night.calls == calls
    night.later(61)
    night.world.get("/news?symbol=ZZZZZ", key)
    assert night.calls == calls + 1


def test_only_later_articles(night: Market) -> None:
    key = night.world.key()
    articles = night.world.get("/news?symbol=AAPL&limit=20", key).json["articles"]
    moment = articles[9]["published_at"]
    later = night.world.get(f"/news?symbol=AAPL&limit=20&published_after={moment}", key).json["articles"]
    assert [each["id"] for each in later] == [each["id"] for each in articles if each["published_at"] > moment]
    shifted = moment.replace("Z", "%2B00:00")
    assert night.world.get(f"/news?symbol=AAPL&limit=20&published_after={shifted}", key).json["articles"] == later
    assert night.calls == 2


def test_after_a_day_means_after_its_end(night: Market) -> None:
    key = night.world.key()
    articles = night.world.get("/news?symbol=AAPL&limit=50", key).json["articles"]
    day = articles[4]["published_at"][:10]
    later = night.world.get(f"/news?symbol=AAPL&limit=50&published_after={day}", key).json["articles"]
    assert [each["id"] for each in later] == [each["id"] for each in articles if each["published_at"][:10] > day]
    assert any(each["published_at"].startswith(day) for each in articles)


def test_pages_lead_to_the_end_without_gaps_or_doubles(night: Market) -> None:
    since = "2026-08-01T00:00:00Z"
    path = f"/news?symbol=AAPL&limit=7&published_after={since}"
    found = [
        article["id"] for page in followed(night.world, path, night.world.key()) for article in page.json["articles"]
    ]
    sent = pages(night, REFERENCE, **{"ticker": "AAPL", "published_utc.gt": since, "limit": 1_000})
    assert len(found) > 3 * 7
    assert found == [article["id"] for article in sent]


def test_pages_read_again_cost_nothing(night: Market) -> None:
    key = night.world.key()
    path = "/news?symbol=AAPL&limit=5&published_after=2026-11-01"
    first = [page.json for page in followed(night.world, path, key)]
    calls = night.calls
    assert [page.json for page in followed(night.world, path, key)] == first
    assert night.calls == calls == len(first)


def test_polygons_news_are_polygons_own_to_the_last_page(night: Market) -> None:
    path = f"{REFERENCE}?ticker=AAPL&published_utc.gte=2026-10-01&order=asc&limit=9"
    answers = list(followed(night.world, path, night.world.key()))
    found = [article for answer in answers for article in polygon_shaped(Page, answer)["results"]]
    filters = {"ticker": "AAPL", "published_utc.gte": "2026-10-01", "order": "asc", "limit": 9}
    assert len(answers) > 2
    assert found == pages(night, REFERENCE, **filters)


def test_the_dialects_share_what_they_fetched(night: Market) -> None:
    key = night.world.key()
    ours = night.world.get("/news?symbol=AAPL&limit=10", key).json["articles"]
    theirs = night.world.get(f"{REFERENCE}?ticker=AAPL", key).json["results"]
    assert [article["id"] for article in theirs] == [article["id"] for article in ours]
    assert night.calls == 1


def test_news_are_as_fresh_as_the_tier_says_at_all_hours(night: Market) -> None:
    low, high = night.world.key(2, "low"), night.world.key(7, "high")
    night.world.get("/news?symbol=AAPL", high)
    night.later(299)
    assert night.world.get("/news?symbol=AAPL", high).headers["Cache-Status"].startswith("dekr; hit")
    night.later(2)
    assert night.world.get("/news?symbol=AAPL", low).headers["Cache-Status"].startswith("dekr; hit")
    assert night.world.get("/news?symbol=AAPL", high).headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert night.calls == 2


def test_lists_that_the_feed_keeps_fresh_are_the_upstreams_own_to_the_last_page(night: Market) -> None:
    key = night.world.key(6)
    tickers = ("AAPL", "MSFT", "TSLA")
    for ticker in tickers:
        night.world.get(f"{REFERENCE}?ticker={ticker}", key)
    before = night.calls
    for _ in range(8):
        night.later(1_200)
        for ticker in tickers:
            found = night.world.get(f"{REFERENCE}?ticker={ticker}", key).json["results"]
            assert found == _sent(night, ticker=ticker, limit=10)[: len(found)]
            assert len(found) >= 9
    assert night.calls - before == 8
    path = f"{REFERENCE}?ticker=AAPL"
    whole = _sent(night, ticker="AAPL", limit=35)
    found = []
    for answer in followed(night.world, path, key):
        found += answer.json["results"]
        if len(found) >= len(whole):
            break
    assert found[: len(whole)] == whole


def test_old_news_are_served_with_a_label_while_the_upstream_fails(night: Market) -> None:
    key = night.world.key()
    first = night.world.get("/news?symbol=AAPL", key).json
    fails(night)
    night.later(600)
    stale = night.world.get("/news?symbol=AAPL", key)
    assert stale.json == first
    assert stale.headers["X-Data-Warning"].startswith("stale; age=600")
    assert night.world.get("/news?symbol=MSFT", key).status == 503
