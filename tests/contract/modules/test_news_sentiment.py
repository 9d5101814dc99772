"""News sentiment matches each article with the bar in which it was published."""

from bisect import bisect_right
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from tests.contract.modules.conftest import NIGHT, Module
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import pages

SINCE, MIDNIGHT = "2026-11-13", "2026-11-13T05:00:00Z"
"""A week ago: the day and its beginning in New York."""

SIDES = ("positive", "neutral", "negative")


def _articles(module: Module, user: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All articles since then, and the summaries of their pages."""
    path = f"/news?symbol=AAPL&limit=10&published_after={MIDNIGHT}"
    answers = list(followed(module.market.world, path, module.key, headers={"x-dekr-user": user}))
    return (
        [article for answer in answers for article in answer.json["articles"]],
        [summary for answer in answers for summary in answer.json["summaries"]],
    )


def _minutes(module: Module, user: str) -> list[dict[str, Any]]:
    path = f"/market-data/AAPL?timespan=minute&from={SINCE}&to=2026-11-20"
    answers = followed(module.market.world, path, module.key, headers={"x-dekr-user": user})
    return [bar for answer in answers for bar in answer.json]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_each_article_finds_the_bar_that_contains_it(module: Module) -> None:
    module.market.to(NIGHT)
    user = module.user("ann", 5)
    articles, bars = _articles(module, user)[0], _minutes(module, user)
    starts = [_moment(bar["timestamp"]) for bar in bars]
    path = f"/v2/aggs/ticker/AAPL/range/1/minute/{SINCE}/2026-11-20"
    traded = {bar["t"] for bar in pages(module.market, path, limit=50_000)}
    joined = 0
    for article in articles:
        published = _moment(article["published_at"])
        minute = published.replace(second=0, microsecond=0)
        place = bisect_right(starts, published) - 1
        contains = place >= 0 and starts[place] <= published < starts[place] + timedelta(minutes=1)
        # There is a bar of that minute just where the market traded in it.
        assert contains == (int(minute.timestamp() * 1000) in traded)
        joined += contains
    assert 0 < joined < len(articles)


def test_every_article_joins_the_bar_of_its_day_or_none(module: Module) -> None:
    module.market.to(NIGHT)
    user = module.user("ann", 5)
    articles = _articles(module, user)[0]
    bars = module.get(f"/market-data/AAPL?timespan=day&from={SINCE}&to=2026-11-20", user).json
    days = {bar["timestamp"][:10]: bar for bar in bars}
    assert list(days) == [f"2026-11-{day}" for day in (13, 16, 17, 18, 19, 20)]
    for article in articles:
        day = _moment(article["published_at"]) - timedelta(hours=5)  # New York, in winter
        assert (day.date().isoformat() in days) == (day.weekday() < 5)


def test_the_counts_by_sentiment_add_up_over_the_pages(module: Module) -> None:
    module.market.to(NIGHT)
    articles, summaries = _articles(module, module.user("ann", 5))
    words = Counter(article["sentiment"] for article in articles)
    assert set(words) <= {*SIDES, None}
    for side in SIDES:
        assert sum(summary[side] for summary in summaries) == words[side]
    assert sum(summary["without_sentiment"] for summary in summaries) == words[None]
    assert sum(summary["articles"] for summary in summaries) == len(articles) > 20
    assert {summary["symbol"] for summary in summaries} == {"AAPL"}


def test_what_nobody_judged_is_said_and_not_made_up(module: Module) -> None:
    module.market.to(NIGHT)
    articles, _ = _articles(module, module.user("ann", 5))
    sent = pages(
        module.market,
        "/v2/reference/news",
        **{"ticker": "AAPL", "published_utc.gt": MIDNIGHT, "limit": 1_000},
    )
    judged = {
        article["id"]: {found["ticker"]: found["sentiment"] for found in article.get("insights", [])}
        for article in sent
    }
    assert [article["id"] for article in articles] == list(judged)
    for article in articles:
        assert {each["symbol"]: each["sentiment"] for each in article["sentiments"]} == judged[article["id"]]
        assert article["sentiment"] == judged[article["id"]].get("AAPL")
    assert any(not article["sentiments"] for article in articles)
