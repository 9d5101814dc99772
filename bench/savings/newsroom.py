"""The news of the benchmark's market: when each article was published, when it could be found, and which tickers it names.

The vendor says nowhere how many articles its feed carries. Assumed are 1 500 on a weekday and 225 on a day of the weekend, the more
the busier the hour; an article names one to three tickers, popular ones more often. Half of the articles can be found at
once, the others up to two hours later. All tickers have articles of weeks ago, too.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import numpy as np

from bench.savings.trace import START_US, Popularity
from local.sandbox.universe import tickers

A_WEEKDAY: Final = 1_500
A_DAY_OFF: Final = 225
DAYS_BEFORE: Final = 9
NIGHT_SHARE: Final = 0.15
"""Of a day's articles, those between 20:00 and 04:00 in New York."""

NAMES: Final = (1, 2, 3)
AT_ONCE: Final = 0.5
LATEST_S: Final = 7_200
OLD: Final = 12
"""Articles of weeks ago that each ticker has."""

ARTICLE_BYTES: Final = 2_000
"""An article as the upstream writes it, with description and sentiments. Sent is less."""

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
FRIDAY: Final = 4


@dataclass(frozen=True, slots=True)
class Article:
    """``found_us``: from when on it could be found."""

    number: int
    published_us: int
    found_us: int
    tickers: tuple[str, ...]

    @property
    def written(self) -> bytes:
        """The article on the wire; whole seconds, as the upstream has them."""
        moment = datetime.fromtimestamp(self.published_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps(
            {
                "id": str(self.number),
                "publisher": {"name": "Wire"},
                "title": str(self.number),
                "published_utc": moment,
                "article_url": "https://news.invalid/",
                "tickers": self.tickers,
            }
        ).encode()


@dataclass(frozen=True)
class Newsroom:
    """All articles, oldest first, and those of each ticker."""

    articles: Sequence[Article]
    about: dict[str, list[Article]]

    def newest(self, ticker: str, now_us: int, limit: int) -> list[Article]:
        """The newest articles about a ticker."""
        return _newest(reversed(self.about[ticker]), now_us, limit)

    def since(self, from_us: int, until: int, now_us: int, limit: int) -> list[Article]:
        """The newest articles that were published then or later, of those before place ``until``."""
        first = bisect_left(self.articles, from_us, key=lambda article: article.published_us)
        return _newest(reversed(self.articles[first:until]), now_us, limit)

    def true_until_us(self, ticker: str, shown: Sequence[int], now_us: int) -> int:
        """Until when an answer with these articles was what the upstream would have said: now, or when the first article could
        be found that it lacks.
        """
        lacks = [each.found_us for each in self.newest(ticker, now_us, len(shown)) if each.number not in set(shown)]
        return min(lacks, default=now_us)


def _newest(articles: Iterable[Article], now_us: int, limit: int) -> list[Article]:
    found: list[Article] = []
    for article in articles:
        if len(found) == limit:
            break
        if article.found_us <= now_us:
            found.append(article)
    return found


@cache
def newsroom() -> Newsroom:
    """The news of the benchmark's day and of the week before it."""
    draw = np.random.default_rng(1)
    names = tickers()
    shares = Popularity().shares(len(names))
    made: list[tuple[int, int, tuple[str, ...]]] = []
    for rank, name in enumerate(names):
        for back in range(1, OLD + 1):
            at_us = START_US - 30 * DAY_US - back * DAY_US - rank * 1_000_000
            made.append((at_us, at_us, (name,)))
    for days in range(-DAYS_BEFORE, 1):
        day_us = START_US + days * DAY_US
        weekday = (datetime(2026, 11, 20, tzinfo=UTC) + timedelta(days=days)).weekday()
        count = A_WEEKDAY if weekday <= FRIDAY else A_DAY_OFF
        hours = draw.random(count) * np.where(draw.random(count) < NIGHT_SHARE, -8, 16)
        late_s = np.where(draw.random(count) < AT_ONCE, 0, draw.random(count) * LATEST_S)
        for hour, late, many in zip(hours.tolist(), late_s.tolist(), draw.choice(NAMES, count).tolist(), strict=True):
            published_us = (day_us + int(hour * HOUR_US)) // 1_000_000 * 1_000_000
            ranks = dict.fromkeys(draw.choice(len(names), many, p=shares).tolist())
            made.append((published_us, published_us + int(late * 1e6), tuple(names[rank] for rank in ranks)))
    made.sort()
    articles = [Article(number, *each) for number, each in enumerate(made)]
    about: dict[str, list[Article]] = {}
    for article in articles:
        for name in article.tickers:
            about.setdefault(name, []).append(article)
    return Newsroom(articles, about)
