"""The news of the benchmark's market: the publication of each article, when it becomes available, and its tickers.

The vendor does not document how many articles its feed carries. The model assumes 1 500 on a weekday and 225 on a day
of the weekend, most of them by day; an article names one to three tickers, popular ones more often. Half of the
articles become available at once, the others up to two hours later. All tickers also have articles of weeks ago.
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

ARTICLES_ON_WEEKDAY: Final = 1_500
ARTICLES_ON_WEEKEND_DAY: Final = 225
DAYS_BEFORE: Final = 9
NIGHT_FRACTION: Final = 0.15
"""The fraction of a day's articles that are published between 20:00 and 04:00 in New York."""

TICKERS_NAMED: Final = (1, 2, 3)
"""An article names one of these numbers of tickers, all equally likely."""

IMMEDIATE_FRACTION: Final = 0.5
"""The fraction of articles that become available at once."""

MAX_DELAY_S: Final = 7_200
"""The longest time from an article's publication until it becomes available, in seconds."""

OLD_ARTICLES: Final = 12
"""The number of articles of weeks ago that each ticker has."""

ARTICLE_BYTES: Final = 2_000
"""The size of an article as the real upstream writes it, with description and sentiments. The benchmark sends less."""

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
FRIDAY: Final = 4


@dataclass(frozen=True, slots=True)
class Article:
    """One article. ``published_us`` and ``found_us``: when it was published and when it became available, in microseconds."""

    number: int
    published_us: int
    found_us: int
    tickers: tuple[str, ...]

    @property
    def written(self) -> bytes:
        """The article as JSON, with its time in whole seconds, as the upstream has it."""
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
        """Return the newest ``limit`` articles about a ticker that are available at ``now_us``."""
        return _newest(reversed(self.about[ticker]), now_us, limit)

    def since(self, from_us: int, until: int, now_us: int, limit: int) -> list[Article]:
        """Return the newest ``limit`` articles available at ``now_us`` that were published at ``from_us`` or later.

        Only articles before place ``until`` count.
        """
        first = bisect_left(self.articles, from_us, key=lambda article: article.published_us)
        return _newest(reversed(self.articles[first:until]), now_us, limit)

    def true_until_us(self, ticker: str, shown: Sequence[int], now_us: int) -> int:
        """Return until when an answer with these articles was what the upstream would have said, in microseconds.

        That is now, or the moment at which the first article became available that the answer lacks.
        """
        missing_since_us = [
            each.found_us for each in self.newest(ticker, now_us, len(shown)) if each.number not in set(shown)
        ]
        return min(missing_since_us, default=now_us)


def _newest(articles: Iterable[Article], now_us: int, limit: int) -> list[Article]:
    available: list[Article] = []
    for article in articles:
        if len(available) == limit:
            break
        if article.found_us <= now_us:
            available.append(article)
    return available


@cache
def newsroom() -> Newsroom:
    """Return the news of the benchmark's day and of the week before it."""
    draw = np.random.default_rng(1)
    names = tickers()
    shares = Popularity().shares(len(names))
    made: list[tuple[int, int, tuple[str, ...]]] = []
    for rank, name in enumerate(names):
        for days_back in range(1, OLD_ARTICLES + 1):
            at_us = START_US - 30 * DAY_US - days_back * DAY_US - rank * 1_000_000
            made.append((at_us, at_us, (name,)))
    for days in range(-DAYS_BEFORE, 1):
        day_us = START_US + days * DAY_US
        weekday = (datetime(2026, 11, 20, tzinfo=UTC) + timedelta(days=days)).weekday()
        count = ARTICLES_ON_WEEKDAY if weekday <= FRIDAY else ARTICLES_ON_WEEKEND_DAY
        hours = draw.random(count) * np.where(draw.random(count) < NIGHT_FRACTION, -8, 16)
        late_s = np.where(draw.random(count) < IMMEDIATE_FRACTION, 0, draw.random(count) * MAX_DELAY_S)
        for hour, late, many in zip(
            hours.tolist(), late_s.tolist(), draw.choice(TICKERS_NAMED, count).tolist(), strict=True
        ):
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
