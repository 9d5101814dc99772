"""Dekr's news: the upstream query for it, and the articles with each ticker's sentiment and a summary of the sentiments.

Nothing is made up: an article that the upstream did not judge has no sentiment, and the summary counts it as such.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dekr.cursors import Cursors
from dekr.http.paging.list_page import ListQuery
from dekr.http.paging.time_filters import RFC_3339, narrowed
from dekr.market.news.ticker_list import published_us
from dekr.symbols import Ticker
from dekr.times import rfc3339, rfc3339_all

SCORES: Final = {"positive": 1, "neutral": 0, "negative": -1}
COLUMNS: Final = (
    "id",
    "published_at",
    "title",
    "url",
    "publisher",
    "author",
    "symbols",
    "keywords",
    "sentiment",
    "sentiments",
    "description",
    "image_url",
)


def news_page_query(cursors: Cursors, ticker: Ticker | None, limit: int, query: Mapping[str, str]) -> ListQuery:
    """The query of the newest articles, of one ticker or of all, that a request's ``query`` describes; ``cursors`` opens its
    cursor. Raises InvalidInput.
    """
    parameters = {"order": "desc", "sort": "published_utc", "limit": str(limit)}
    if ticker is not None:
        parameters["ticker"] = ticker.text
    if "published_after" in query:
        after = narrowed(query, "published_after", RFC_3339)
        # After a day means after its end.
        parameters["published_utc.gt"] = rfc3339(after.last * 1000)
    repeated = {"symbol": ticker.text} if ticker else {}
    return ListQuery(cursors, "/news", parameters, ticker, repeated).resumed(query)


def articles_of(results: Sequence[Mapping[str, Any]], symbol: str | None) -> list[dict[str, Any]]:
    """The articles in the shape of ``dekr.models.news.Article``. ``results``: as the upstream sent them; ``symbol``: the ticker
    whose sentiment stands in ``sentiment``.
    """
    times = rfc3339_all(published_us(result) * 1_000 for result in results)
    return [_article(result, published_at, symbol) for result, published_at in zip(results, times, strict=True)]


def news_json(articles: Sequence[Mapping[str, Any]], symbol: str | None) -> str:
    """The JSON of ``dekr.models.news.News``: the articles, and a summary for the symbol, or for each symbol that they name."""
    symbols = [symbol] if symbol else sorted({ticker for article in articles for ticker in article["symbols"]})
    body = {"articles": articles, "summaries": [_summary(articles, each) for each in symbols]}
    return json.dumps(body, separators=(",", ":"))


def _article(result: Mapping[str, Any], published_at: str, symbol: str | None) -> dict[str, Any]:
    sentiments = [
        {
            "symbol": insight["ticker"],
            "sentiment": insight["sentiment"],
            "reasoning": insight.get("sentiment_reasoning"),
        }
        for insight in result.get("insights") or []
    ]
    return {
        "id": result["id"],
        "title": result["title"],
        "published_at": published_at,
        "url": result["article_url"],
        "publisher": (result.get("publisher") or {}).get("name"),
        "author": result.get("author"),
        "description": result.get("description"),
        "image_url": result.get("image_url"),
        "symbols": result.get("tickers") or [],
        "keywords": result.get("keywords") or [],
        "sentiment": _sentiment(sentiments, symbol),
        "sentiments": sentiments,
    }


def _sentiment(sentiments: Sequence[Mapping[str, Any]], symbol: str | None) -> str | None:
    """The sentiment of the symbol; None where there is none."""
    return next((each["sentiment"] for each in sentiments if each["symbol"] == symbol), None)


def _summary(articles: Sequence[Mapping[str, Any]], symbol: str) -> dict[str, Any]:
    """The counts of the articles that name the symbol. A sentiment that is not one of the three counts as none."""
    about = [article for article in articles if symbol in article["symbols"]]
    sentiments = [_sentiment(article["sentiments"], symbol) for article in about]
    judged = [sentiment for sentiment in sentiments if sentiment in SCORES]
    return {
        "symbol": symbol,
        "articles": len(about),
        **{sentiment: judged.count(sentiment) for sentiment in SCORES},
        "without_sentiment": len(about) - len(judged),
        "mean_score": sum(SCORES[sentiment] for sentiment in judged) / len(judged) if judged else None,
    }
