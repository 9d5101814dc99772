"""The news service: a ticker's newest articles, which the feed of all tickers keeps up to date; other queries pass through.

One round trip reads the ticker's list and the feed (dekr.market.news.feed). The list is fresh for a reader by its own stamp, or by
the feed's where the feed changes nothing of it. Where it is fresh by neither, the next feed is fetched if it can bring the list
up to date: one call does so for all lists. Otherwise the list itself is fetched, and later feeds keep it up to date.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, lease_of
from dekr.errors import DekrError, StoreDown, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.news.feed import KEEP_US
from dekr.market.news.feed_fetcher import NewsFeed
from dekr.market.news.read_planner import NewsReadPlanner
from dekr.market.news.ticker_list import LIST_SIZE, NEWEST_FIRST, NewsList, list_of, parameters_of_cursor, published_us
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import NEWS
from dekr.symbols import Ticker

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

_FEED_FAILURES: Final = (UpstreamInvalid, UpstreamNotEntitled, UpstreamDown, StoreDown)
"""The errors with which the feed can fail while a list can still be fetched."""


class ArticlePages(Protocol):
    """Pages of news that are passed on as the upstream sent them."""

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """The page with these parameters, of one ticker or of all, parsed. Raises UnknownSymbol."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """The news service. ``pages`` answers all queries but those for a ticker's newest articles.

    ``client`` makes the upstream client on the first miss, so that hits never load it.
    """

    reader: Reader
    feed: NewsFeed
    pages: ArticlePages
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """The upstream's answer to ``/v2/reference/news`` with these parameters, parsed, without its ``request_id``.

        In place of ``next_url`` it has the upstream's cursor alone, or one of the service's own, which ``parameters`` may hold as
        ``cursor`` in turn. The answer must not be changed. Raises UnknownSymbol for a ticker that the upstream does not know.
        """
        continued = parameters_of_cursor(parameters.get("cursor", "")) if ticker else None
        if ticker and continued:
            parameters = {**NEWEST_FIRST, "ticker": ticker.text, **continued}
        limit = _newest_limit(parameters) if ticker else None
        if ticker and limit:
            articles = self._newest(context, ticker.text)
            context.source, context.delayed, context.flaws = NEWS.source, articles.delayed, articles.flaws
            page = articles.page(limit)
            if page is not None:
                return page
        return self.pages.get(context, ticker, parameters)

    def _newest(self, context: ReadContext, ticker: str) -> NewsList:
        entry = self._read_by_feed(context, ticker)
        if entry is None:
            entry = self._read(context, ticker, may_fetch_feed=False)
        assert entry is not None, "a list that was fetched for this reader needs no feed"
        articles = list_of(entry)
        if articles is None:
            raise UnknownSymbol(f"The data provider knows nothing of {ticker}.")
        return articles

    def _read_by_feed(self, context: ReadContext, ticker: str) -> Entry | None:
        """The list's entry, for which the feed may be fetched; None where the feed fails, or does not reach the list, or has
        changed it since it was read.
        """
        entry: Entry | None = None
        failure: DekrError | None
        try:
            entry = self._read(context, ticker, may_fetch_feed=True)
        except _FEED_FAILURES as error:
            failure = error
        else:
            # An upstream that was called and is down has no lists either. Where only the feed is down, no call was made.
            down = isinstance(context.failure, UpstreamDown) and context.upstream_calls > 0
            failure = None if down or not isinstance(context.failure, _FEED_FAILURES) else context.failure
        if failure is not None:
            self.reader.passed_over.note(failure)
            context.failure, context.outcome = None, Outcome.MISS
            return None
        return entry

    def _read(self, context: ReadContext, ticker: str, *, may_fetch_feed: bool) -> Entry | None:
        """The list's entry; None where it is not as fresh as the feed that was read with it."""
        key = self.reader.cache.key(ticker, Datum.NEWS_LIST)
        fetcher = NewsListFetcher(self.client, ticker, key)
        fetch = Fetch(lease_of(Datum.NEWS_LIST, [ticker]), (NEWS.family,), NEWS.lease_ms, fetcher)
        planner = NewsReadPlanner(ticker, key, self.feed, fetch, may_fetch_feed)
        met, entries = self.reader.read_planned(context, (key, self.feed.key), planner)
        kept = entries[key]
        return kept if met[0].key == key or planner.is_up_to_date(kept, entries.get(self.feed.key)) else None


@dataclass(frozen=True, slots=True, eq=False)
class NewsListFetcher:
    """Fetches a ticker's newest articles and makes their entry under ``key``; a ``dekr.market.read.fetch.Fetcher``."""

    client: "Callable[[], PolygonClient]"
    ticker: str
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the list. Raises what the client raises."""
        del missing, cached
        parameters = {**NEWEST_FIRST, "limit": str(LIST_SIZE), "ticker": self.ticker}
        try:
            sent = self.client().answer(NEWS, parameters, permit)
        except UnknownSymbol:
            return [Write.negative(self.key, permit.stamp_us)]
        articles = sent.body.get("results") or []
        times_us = [published_us(article) for article in articles]
        found = NewsList(sent.body, sent.delayed, permit.stamp_us, times_us, sent.flaws)
        if not articles:
            # An empty list is kept for a short time only: it may be an error of the upstream's.
            return [Write.negative(self.key, permit.stamp_us, found.payload())]
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, found.payload()), KEEP_US)]


def _newest_limit(parameters: Mapping[str, str]) -> int | None:
    """The number of newest articles that a query of one ticker is for; None for other filters, or more articles than a list has."""
    others = {name: value for name, value in parameters.items() if name not in ("limit", "ticker")}
    limit = int(parameters.get("limit", LIST_SIZE + 1))
    return limit if others == NEWEST_FIRST and limit <= LIST_SIZE else None
