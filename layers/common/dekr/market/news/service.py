"""News: a ticker's newest articles, kept up to date by the whole market's feed; any other question of news as it is asked.

One round trip reads the ticker's list and the feed (dekr.market.news.feed). The list is fresh for a reader by its own stamp, or by
the feed's where the feed changes nothing of it. Where neither is, the next feed is fetched if the list is in its reach: one
call brings all lists up to date. Else the list is fetched itself, and kept for the feeds to come.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.keys import Datum, lease_of
from dekr.errors import StoreDown, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.news.feed import KEEP_US, NewsFeed
from dekr.market.news.read_planner import NewsReadPlanner
from dekr.market.news.ticker_list import NEWEST, NEWEST_FIRST, NewsList, list_of, older, published_us
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.read.fetch import Fetch
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Requirement
from dekr.polygon.endpoints import NEWS
from dekr.symbols import Ticker

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

_OF_THE_FEED: Final = (UpstreamInvalid, UpstreamNotEntitled, UpstreamDown, StoreDown)
"""What can be wrong with the feed while a list can be had. What is down for the feed alone is known without a call."""


class ArticlePages(Protocol):
    """Pages of news that are passed on as the upstream sent them."""

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """The page with these parameters, of one ticker or of all. Raises UnknownSymbol."""
        ...


@dataclass(frozen=True, slots=True)
class News:
    """The service of news. ``pages`` answers all but a ticker's newest. ``client`` makes the upstream client on the first miss."""

    reader: Reader
    pages: ArticlePages
    client: "Callable[[], PolygonClient]"

    def get(self, context: ReadContext, ticker: Ticker | None, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
        """The answer to ``/v2/reference/news`` with these parameters, as sent, without its request_id; for a ``next_url`` its
        cursor, or one of ours. It must not be changed. Raises UnknownSymbol for a ticker that the upstream does not know.
        """
        behind = older(parameters.get("cursor", "")) if ticker else None
        if ticker and behind:
            parameters = {**NEWEST_FIRST, "ticker": ticker.text, **behind}
        limit = _newest(parameters) if ticker else None
        if ticker and limit:
            found = self._list(context, ticker.text)
            context.delayed = found.delayed
            page = found.first(limit)
            if page is not None:
                return page
        return self.pages.get(context, ticker, parameters)

    def _list(self, context: ReadContext, ticker: str) -> NewsList:
        try:
            found = self._read(context, ticker, by_feed=True)
            down = isinstance(context.failure, UpstreamDown) and context.upstream_calls
            failure = None if down or not isinstance(context.failure, _OF_THE_FEED) else context.failure
        except _OF_THE_FEED as error:
            failure = error
        if failure is not None:
            self.reader.passed_over.note(failure)
            context.failure, context.outcome = None, Outcome.MISS
        if failure is not None or found is None:
            # The feed did not reach the list, or has changed it since it was read.
            found = self._read(context, ticker, by_feed=False)
        assert found is not None, "a list that was fetched for this reader needs no feed"
        kept = list_of(found)
        if kept is None:
            raise UnknownSymbol(f"The data provider knows nothing of {ticker}.")
        return kept

    def _read(self, context: ReadContext, ticker: str, *, by_feed: bool) -> Entry | None:
        """The list's entry; None where it is not as fresh as the feed that was read with it. ``by_feed``: whether a feed may be
        fetched.
        """
        feed = NewsFeed(self.reader.single_flight, self.client)
        key = self.reader.cache.key(ticker, Datum.NEWS_LIST)
        fetcher = NewsListFetcher(self.client, ticker, key)
        own = Fetch(lease_of(Datum.NEWS_LIST, [ticker]), (NEWS.family,), NEWS.lease_ms, fetcher)
        planner = NewsReadPlanner(ticker, key, feed, own, by_feed)
        met, entries = self.reader.read_planned(context, (key, feed.key), planner)
        kept = entries[key]
        return kept if met[0].key == key or planner.is_up_to_date(kept, entries.get(feed.key)) else None


@dataclass(frozen=True, slots=True)
class NewsListFetcher:
    """Fetches a ticker's newest articles; a ``dekr.market.read.fetch.Fetcher``."""

    client: "Callable[[], PolygonClient]"
    ticker: str
    key: str

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the list. Raises what the client raises."""
        del missing, cached
        parameters = {**NEWEST_FIRST, "limit": str(NEWEST), "ticker": self.ticker}
        try:
            sent, delayed = self.client().answer(NEWS, parameters, permit)
        except UnknownSymbol:
            return [Write.negative(self.key, permit.stamp_us)]
        articles = sent.get("results") or []
        found = NewsList(sent, delayed, permit.stamp_us, [published_us(article) for article in articles])
        if not articles:
            # An empty list is believed for a short time only.
            return [Write.negative(self.key, permit.stamp_us, found.payload())]
        return [Write(self.key, Entry(permit.stamp_us, Kind.VALUE, found.payload()), KEEP_US)]


def _newest(parameters: Mapping[str, str]) -> int | None:
    """How many of a ticker's newest articles are asked for, where nothing else is, and the list has so many."""
    others = {name: value for name, value in parameters.items() if name not in ("limit", "ticker")}
    limit = int(parameters.get("limit", NEWEST + 1))
    return limit if others == NEWEST_FIRST and limit <= NEWEST else None
