"""Answers of the news endpoint. Every plan includes it without delay."""

from datetime import UTC, datetime
from typing import Final

from local.sandbox import bounds, noise, paging, parameters
from local.sandbox.listing import listing
from local.sandbox.newswire import Article, articles
from local.sandbox.parameters import Query
from local.sandbox.view import View
from local.sandbox.wire import Json

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 1_000

_HEADLINES: Final = (
    "{} beats expectations for the quarter",
    "{} names a new chief financial officer",
    "What analysts expect from {} this week",
    "{} shares move after a regulatory filing",
    "Is {} still a buy?",
    "{} opens a plant in Ohio",
)
_PUBLISHERS: Final = ("Sample Newswire", "Example Finance", "The Fictional Investor")
_AUTHORS: Final = ("A. Sample", "B. Example", "C. Placeholder")
_KEYWORDS: Final = ("earnings", "guidance", "management", "technology", "dividends", "regulation")
_MISSING_FRACTION: Final = 0.2
"""The fraction of articles that lack a given optional field."""


def stream(view: View, _: Query, query: Query) -> Json:
    """Answer ``/v2/reference/news``: newest first, unless ``order`` is asc. Raises Refusal (400) for a malformed
    parameter.
    """
    first_us, last_us = bounds.between(query, "published_utc", bounds.in_rfc3339)
    newest_first, limit = parameters.descending(query), parameters.limit(query, DEFAULT_LIMIT, MAX_LIMIT)
    parameters.choice(query, "sort", {"published_utc"}, "published_utc")
    matching = articles(
        view.seed,
        query.get("ticker"),
        first_us,
        min(last_us, view.now_us),
        after=paging.numeric_marker(query),
        newest_first=newest_first,
    )
    page, more = paging.page(matching, limit)
    answer = view.envelope(results=[_article(view.seed, item) for item in page], count=len(page))
    return answer | paging.next_url(view, "/v2/reference/news", query, page[-1].number) if more else answer


def _article(seed: int, article: Article) -> Json:
    identity = noise.key(seed, "article", article.number).hex() * 2
    headline, by, keyword, missing = article.draw
    publisher = _PUBLISHERS[int(by * len(_PUBLISHERS))]
    company = listing(seed, article.tickers[0]).name
    home = "https://news.example/"
    body: Json = {
        "id": identity,
        "publisher": {
            "name": publisher,
            "homepage_url": home,
            "logo_url": f"{home}logo.svg",
            "favicon_url": f"{home}favicon.ico",
        },
        "title": _HEADLINES[int(headline * len(_HEADLINES))].format(company),
        "author": _AUTHORS[int(keyword * len(_AUTHORS))],
        "published_utc": datetime.fromtimestamp(article.published_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "article_url": f"{home}{identity[:12]}",
        "tickers": list(article.tickers),
        "image_url": f"{home}{identity[:12]}.jpg",
        "description": f"A simulated article about {company}.",
        "keywords": [_KEYWORDS[int(keyword * len(_KEYWORDS))], _KEYWORDS[int(by * len(_KEYWORDS))]],
    }
    if article.sentiments is not None:
        body["insights"] = [
            {
                "ticker": ticker,
                "sentiment": sentiment,
                "sentiment_reasoning": f"The article is {sentiment} about {ticker}.",
            }
            for ticker, sentiment in article.sentiments.items()
        ]
    for place, name in enumerate(("author", "image_url", "description", "keywords")):
        if place * _MISSING_FRACTION <= missing < (place + 1) * _MISSING_FRACTION:
            del body[name]
    return body
