"""Which lists of a ticker's newest articles the upstream has handed out, if need be by what it said of all tickers together.

There are two kinds of calls: for the newest articles of one ticker, and for those of all tickers from a moment on. The second
hands out the list of every ticker of which everything before that moment is known, whether it names the ticker or not:
nothing else is new. The simulated articles appear when they say so and never change.
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
NEWEST: Final = 5
"""So many articles are asked of the service."""


@dataclass(slots=True)
class Newsstand:
    """What was said so far. ``known``: articles by ticker, each with the moment at which it says it was published; ``until``:
    up to which moment a ticker's newest are all known.
    """

    known: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    until: dict[str, datetime] = field(default_factory=dict)

    def told(self, path: str, said_at: str, body: dict[str, Any]) -> Iterator[Value]:
        """The lists that this answer hands out. ``said_at``: its Date header."""
        asked = parse_qs(urlsplit(path).query)
        articles, at = body["results"], parsedate_to_datetime(said_at)
        if "ticker" in asked:
            (ticker,) = asked["ticker"]
            if articles:
                self._read(ticker, articles, at)
                yield from self._list(ticker)
        elif "published_utc.gte" in asked and articles:
            # Where there are more pages, this one reaches back to its last article only.
            from_ = articles[-1]["published_utc"] if "next_url" in body else asked["published_utc.gte"][0]
            for ticker in [name for name, until in self.until.items() if until >= datetime.fromisoformat(from_)]:
                self._read(ticker, [article for article in articles if ticker in article["tickers"]], at)
                yield from self._list(ticker)

    def _read(self, ticker: str, articles: list[dict[str, Any]], at: datetime) -> None:
        for article in articles:
            self.known[ticker][article["id"]] = datetime.fromisoformat(article["published_utc"])
        self.until[ticker] = max(at, self.until.get(ticker, at))

    def _list(self, ticker: str) -> Iterator[Value]:
        """The newest; and fewer of them where a page may end earlier, which it does not between two of the same moment."""
        known = self.known[ticker]
        ids = sorted(known, key=lambda name: known[name], reverse=True)
        yield news(ticker, ids[:NEWEST])
        end = NEWEST
        while 0 < end < len(ids) and known[ids[end - 1]] == known[ids[end]]:
            end -= 1
        if end < NEWEST:
            yield news(ticker, ids[:end])


def news(ticker: str, ids: list[str]) -> Value:
    """A list of articles, in whatever order those of one moment come."""
    return Value("news", ticker, " ".join(sorted(name[:8] for name in ids)))
