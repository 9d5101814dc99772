"""Fetches the news feed and merges it into the cached lists (dekr.market.news.feed says why that is right)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import EntryCache, Write
from dekr.cache.freshness import SECOND_US
from dekr.cache.keys import MARKET_SLOT, Datum, Lease
from dekr.errors import InvalidInput, StoreDown, UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.news.feed import FIRST_FEED_US, KEEP_US, OVERLAP_US, Feed, feed_of, stable_before_us
from dekr.market.news.ticker_list import NEWEST_FIRST, Article, list_of, published_us
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import SingleFlight
from dekr.polygon.endpoints import NEWS_FEED
from dekr.symbols import Ticker
from dekr.times import rfc3339

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

MAX_PAGES: Final = 3
"""Over how many pages a feed is followed to continue a chain; with more, a new chain begins. At 1 500 articles a day three pages
hold two days: a weekend in which nobody reads.
"""

CHUNK: Final = 100
"""Lists that are read and written in one round trip."""


@dataclass(frozen=True, slots=True, eq=False)
class NewsFeed:
    """The fetch of the next feed; a ``dekr.market.read.fetch.Fetcher``.

    ``client`` makes the upstream client on the first miss, so that hits never load it.
    """

    single_flight: SingleFlight
    client: "Callable[[], PolygonClient]"

    @property
    def cache(self) -> EntryCache:
        """The cache that has the lists and the feed."""
        return self.single_flight.cache

    @property
    def key(self) -> str:
        """The cache key of the last feed."""
        return self.cache.key(MARKET_SLOT, Datum.NEWS_FEED)

    def next_fetch(self) -> Fetch:
        """The fetch of the next feed. Its family is its own: where the feed fails, lists need not."""
        return Fetch(Lease.NEWS_FEED, (NEWS_FEED.family,), NEWS_FEED.lease_ms, self)

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the feed, once all lists that it changes are written.

        Raises what the client raises, UpstreamInvalid for a feed without any news, out of order, or with a broken article of
        unknown tickers, and StoreDown.
        """
        del missing
        if permit.alone:
            text = "Without the store there are no lists to put the news into."
            raise StoreDown(text, fault="read without the store")
        before = cached.get(self.key)
        from_us = before.stamp_us - OVERLAP_US if before else permit.stamp_us - FIRST_FEED_US
        found = self._request(from_us // SECOND_US * SECOND_US, permit, MAX_PAGES if before else 1)
        continued = before is not None and found.complete
        chain_start_us = feed_of(before).chain_start_us if before and continued else found.from_us + OVERLAP_US
        by_ticker = found.by_ticker()
        complete = {ticker: articles for ticker, articles in by_ticker.items() if ticker not in found.broken}
        self._update_lists(found, complete, chain_start_us, permit.stamp_us)
        named = found.broken.union(by_ticker)
        return [Write(self.key, Feed(chain_start_us, named).entry(permit.stamp_us), KEEP_US)]

    def _request(self, from_us: int, permit: Permit, max_pages: int) -> "FeedArticles":
        """Request the articles of ``from_us`` and later; where they fill more pages, those from some later moment on."""
        parameters = {**NEWEST_FIRST, "limit": str(NEWS_FEED.max_limit), "published_utc.gte": rfc3339(from_us * 1_000)}
        articles: dict[str, Article] = {}
        broken: set[str] = set()
        any_delayed, more = False, None
        for sent in self.client().pages(NEWS_FEED, parameters, permit, max_pages):
            any_delayed, more = any_delayed or sent.delayed, sent.body.get("next_url")
            for article in sent.body.get("results") or []:
                articles.setdefault(article["id"], article)
            for article in sent.broken:
                broken |= _tickers_of(article)
        times_us = [published_us(article) for article in articles.values()]
        if not times_us:
            # Within hours there is news of some ticker, so an answer without any is wrong.
            raise UpstreamInvalid("The data provider sent no news at all.", fault="results: empty")
        if any(later > earlier for earlier, later in pairwise(times_us)):
            text = "The data provider sent news out of order."
            raise UpstreamInvalid(text, fault="results.published_utc: out of order")
        # Where there are further pages, these may have more articles of the last one's moment.
        begin_us = max(from_us, times_us[-1] + 1) if more else from_us
        kept = [article for at_us, article in zip(times_us, articles.values(), strict=True) if at_us >= begin_us]
        complete = begin_us == from_us
        return FeedArticles(kept, begin_us, delayed=any_delayed, complete=complete, broken=frozenset(broken))

    def _update_lists(
        self, found: "FeedArticles", by_ticker: Mapping[str, list[Article]], chain_start_us: int, stamp_us: int
    ) -> None:
        """Merge the feed into the cached lists of the tickers that it names, as far as its chain reaches back to them."""
        tickers = list(by_ticker)
        for start in range(0, len(tickers), CHUNK):
            keys = {self.cache.key(ticker, Datum.NEWS_LIST): ticker for ticker in tickers[start : start + CHUNK]}
            entries = self.cache.read_uncopied(list(keys))
            writes: list[Write] = []
            for (key, ticker), own in zip(keys.items(), entries, strict=True):
                if own is None or own.kind is Kind.NEGATIVE or not chain_start_us <= own.stamp_us < stamp_us:
                    continue
                old = list_of(own)
                new = old and old.merged(by_ticker[ticker], found.from_us, stable_before_us(own), delayed=found.delayed)
                if new:
                    left_us = new.fetched_us + KEEP_US - stamp_us
                    writes.append(Write(key, Entry(stamp_us, Kind.VALUE, new.payload()), left_us))
            if not self.single_flight.keep(writes, copy=False):
                raise StoreDown("The store was lost while news were kept.", fault="lost while writing news")


@dataclass(frozen=True, slots=True)
class FeedArticles:
    """All articles of ``from_us`` and later, newest first. ``complete``: whether ``from_us`` is as early as was requested.

    ``broken``: the tickers of articles that were left out. Their lists cannot be brought up to date by this feed: they count as
    named by it and are not written, so that they are fetched by themselves.
    """

    articles: Sequence[Article]
    from_us: int
    delayed: bool
    complete: bool
    broken: frozenset[str] = frozenset()

    def by_ticker(self) -> dict[str, list[Article]]:
        """The articles about each ticker, newest first. Names that are no valid ticker are left out: they have no list."""
        found: dict[str, list[Article]] = {}
        for article in self.articles:
            for text in dict.fromkeys(article.get("tickers") or []):
                if _is_ticker(text):
                    found.setdefault(text, []).append(article)
        return found


def _tickers_of(broken: object) -> set[str]:
    """The tickers of an article that is broken elsewhere. Raises UpstreamInvalid where it does not say: it may be about any."""
    tickers = broken.get("tickers") if isinstance(broken, dict) else None
    if not isinstance(tickers, list) or not all(isinstance(text, str) for text in tickers):
        raise UpstreamInvalid("The data provider sent a broken article.", fault="results.tickers: not known")
    return set(tickers)


def _is_ticker(text: str) -> bool:
    try:
        return Ticker.parse(text).text == text
    except InvalidInput:
        return False
