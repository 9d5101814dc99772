"""The lists of a ticker's newest articles that the upstream has handed out, in one answer or in several together.

There are two kinds of calls: for the newest articles of one ticker, and for those of all tickers since a moment. The
second kind hands out the list of every ticker whose articles up to that moment are known, whether it names the ticker
or not, because nothing else is new. The simulated articles appear at their publication time and never change.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from chaos.history import Value

PATH: Final = "/v2/reference/news"
ARTICLES_REQUESTED: Final = 5
"""The number of articles that each request to the service asks for."""


@dataclass(slots=True)
class NewsHandouts:
    """The upstream's statements about news so far.

    ``known``: by ticker and article id, the time of publication; ``known_until``: the moment up to which all articles
    of a ticker are known.
    """

    known: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    known_until: dict[str, datetime] = field(default_factory=dict)

    def record(self, path: str, date: str, body: dict[str, Any]) -> Iterator[Value]:
        """Record an answer and yield the lists that it hands out.

        ``path`` is the call's path with its query, ``date`` the answer's Date header, ``body`` its JSON.
        """
        parameters = parse_qs(urlsplit(path).query)
        articles, at = body["results"], parsedate_to_datetime(date)
        if "ticker" in parameters:
            (ticker,) = parameters["ticker"]
            if articles:
                self._add(ticker, articles, at)
                yield from self._lists(ticker)
        elif "published_utc.gte" in parameters and articles:
            # If there are more pages, this one reaches back to its last article only.
            since = articles[-1]["published_utc"] if "next_url" in body else parameters["published_utc.gte"][0]
            for ticker in [
                name for name, known_until in self.known_until.items() if known_until >= datetime.fromisoformat(since)
            ]:
                self._add(ticker, [article for article in articles if ticker in article["tickers"]], at)
                yield from self._lists(ticker)

    def _add(self, ticker: str, articles: list[dict[str, Any]], at: datetime) -> None:
        for article in articles:
            self.known[ticker][article["id"]] = datetime.fromisoformat(article["published_utc"])
        self.known_until[ticker] = max(at, self.known_until.get(ticker, at))

    def _lists(self, ticker: str) -> Iterator[Value]:
        """Yield the newest articles, and the shorter list that is equally right.

        A page may end before articles of one moment, but not between them.
        """
        known = self.known[ticker]
        ids = sorted(known, key=lambda name: known[name], reverse=True)
        yield news_value(ticker, ids[:ARTICLES_REQUESTED])
        end = ARTICLES_REQUESTED
        while 0 < end < len(ids) and known[ids[end - 1]] == known[ids[end]]:
            end -= 1
        if end < ARTICLES_REQUESTED:
            yield news_value(ticker, ids[:end])


def news_value(ticker: str, ids: list[str]) -> Value:
    """Return the value for a list of articles. It does not depend on their order."""
    return Value("news", ticker, " ".join(sorted(name[:8] for name in ids)))
