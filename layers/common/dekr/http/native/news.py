"""News as Dekr answers it: articles with each ticker's sentiment as upstream gives it, and a summary of the sentiments.

Nothing is made up: an article that upstream did not judge has no sentiment, and the summary counts it as such.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

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


def articles_of(sent: Sequence[Mapping[str, Any]], symbol: str | None) -> list[dict[str, Any]]:
    """The articles in the shape of ``dekr.models.Article``; ``sentiment`` is that of the symbol asked for."""
    return [_article(article, symbol) for article in sent]


def news(articles: Sequence[Mapping[str, Any]], symbol: str | None) -> str:
    """The JSON of ``dekr.models.News``."""
    symbols = [symbol] if symbol else sorted({ticker for article in articles for ticker in article["symbols"]})
    body = {"articles": articles, "summaries": [_summary(articles, each) for each in symbols]}
    return json.dumps(body, separators=(",", ":"))


def _article(sent: Mapping[str, Any], symbol: str | None) -> dict[str, Any]:
    sentiments = [
        {"symbol": found["ticker"], "sentiment": found["sentiment"], "reasoning": found.get("sentiment_reasoning")}
        for found in sent.get("insights") or []
    ]
    of_symbol = [found["sentiment"] for found in sentiments if found["symbol"] == symbol]
    return {
        "id": sent["id"],
        "title": sent["title"],
        "published_at": sent["published_utc"],
        "url": sent["article_url"],
        "publisher": (sent.get("publisher") or {}).get("name"),
        "author": sent.get("author"),
        "description": sent.get("description"),
        "image_url": sent.get("image_url"),
        "symbols": sent.get("tickers") or [],
        "keywords": sent.get("keywords") or [],
        "sentiment": of_symbol[0] if of_symbol else None,
        "sentiments": sentiments,
    }


def _summary(articles: Sequence[Mapping[str, Any]], symbol: str) -> dict[str, Any]:
    """The articles that name the symbol, counted. A word that is not one of the three is counted as no sentiment."""
    about = [article for article in articles if symbol in article["symbols"]]
    words = [
        next((found["sentiment"] for found in article["sentiments"] if found["symbol"] == symbol), None)
        for article in about
    ]
    judged = [word for word in words if word in SCORES]
    return {
        "symbol": symbol,
        "articles": len(about),
        **{word: judged.count(word) for word in SCORES},
        "without_sentiment": len(about) - len(judged),
        "mean_score": sum(SCORES[word] for word in judged) / len(judged) if judged else None,
    }
