"""The shapes of news and of their sentiment."""

from dekr.models.common import Moment, Number, Shape, Symbol


class Sentiment(Shape):
    """The sentiment of an article about one symbol: positive, neutral or negative, and the reason for it. Both are the data
    provider's judgement.
    """

    symbol: Symbol
    sentiment: str
    reasoning: str | None


class Article(Shape):
    """A news article. ``sentiments`` has one item for each symbol that the data provider judged, and may be empty. ``sentiment`` is
    that of the requested symbol, or null.
    """

    id: str
    title: str
    published_at: Moment
    url: str
    publisher: str | None
    author: str | None
    description: str | None
    image_url: str | None
    symbols: list[str]
    keywords: list[str]
    sentiment: str | None
    sentiments: list[Sentiment]


class SentimentSummary(Shape):
    """The number of articles in the answer about one symbol, by sentiment. ``mean_score`` is their mean, where positive counts 1,
    neutral 0 and negative -1; it is null where no article has a sentiment.
    """

    symbol: Symbol
    articles: int
    positive: int
    neutral: int
    negative: int
    without_sentiment: int
    mean_score: Number | None


class News(Shape):
    """News articles, newest first, and a summary for the requested symbol. Without a requested symbol there is a summary for each
    symbol in the articles.
    """

    articles: list[Article]
    summaries: list[SentimentSummary]
