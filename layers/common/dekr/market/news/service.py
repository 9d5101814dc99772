"""News: a ticker's newest articles, kept up to date by the whole market's feed; any other question of news as it is asked.

One round trip reads the ticker's list and the feed (dekr.market.news.feed). The list is fresh for a reader by its own stamp, or by
the feed's where the feed changes nothing of it. Where neither is, the next feed is fetched if the list is in its reach: one
call brings all lists up to date. Else the list is fetched itself, and kept for the feeds to come.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import NEGATIVE_AGE_US, DataClass
from dekr.cache.keys import Datum, lease_of
from dekr.errors import StoreDown, UnknownSymbol, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled
from dekr.gate.permit import Permit
from dekr.market.news.feed import KEEP_US, NewsFeed, feed_of, reaches
from dekr.market.news.ticker_list import NEWEST, NEWEST_FIRST, PATH, NewsList, list_of, older, published_us
from dekr.market.passthrough.queries import articles_model
from dekr.market.passthrough.queries import news as question
from dekr.market.passthrough.service import LEASE_MS, PassThrough
from dekr.market.read.context import Outcome, ReadContext
from dekr.market.read.reader import Reader
from dekr.market.read.requirement import Fetch, ReadPlan, Requirement, not_fresh
from dekr.symbols import Ticker
from dekr.tiers import TierPolicy

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

_OF_THE_FEED: Final = (UpstreamInvalid, UpstreamNotEntitled, UpstreamDown, StoreDown)
"""What can be wrong with the feed while a list can be had. What is down for the feed alone is known without a call."""


@dataclass(frozen=True, slots=True)
class News:
    """The service of news. ``answers`` passes on what is no ticker's newest. ``client`` is asked for on the first miss."""

    reader: Reader
    answers: PassThrough
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
        return self.answers.get(context, question(ticker, parameters))

    def _list(self, context: ReadContext, ticker: str) -> NewsList:
        try:
            found = self._read(context, ticker, by_feed=True)
            down = isinstance(context.failure, UpstreamDown) and context.upstream_calls
            failed = isinstance(context.failure, _OF_THE_FEED) and not down
        except _OF_THE_FEED:
            failed = True
        if failed:
            context.failure, context.outcome = None, Outcome.MISS
        if failed or found is None:
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
        own = Fetch(
            lease_of(Datum.NEWS_LIST, [ticker]),
            ("news",),
            LEASE_MS,
            lambda permit, *_: [self._fetched(ticker, key, permit)],
        )
        by_list, by_both = Requirement(key, DataClass.NEWS), Requirement(feed.key, DataClass.NEWS)

        def choose(entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
            kept, latest = entries.get(key), entries.get(feed.key)
            if kept is None or kept.kind is Kind.NEGATIVE:
                return ReadPlan((by_list,), own)
            up_to_date = latest is not None and _newer(latest, kept) and feed_of(latest).agrees(ticker, kept)
            fresh = not not_fresh((by_both if up_to_date else by_list,), entries, now_us, policy)
            if fresh or not by_feed or not reaches(kept.stamp_us, latest, now_us):
                return ReadPlan((by_both if fresh and up_to_date else by_list,), own)
            return ReadPlan((by_both,), feed.fetch, (by_list,))

        requirements, entries = self.reader.read_as(context, (key, feed.key), choose)
        kept, latest = entries[key], entries.get(feed.key)
        if requirements[0] is by_list or (latest and _newer(latest, kept) and feed_of(latest).agrees(ticker, kept)):
            return kept
        return None

    def _fetched(self, ticker: str, key: str, permit: Permit) -> Write:
        asked = question(Ticker(ticker), {**NEWEST_FIRST, "limit": str(NEWEST), "ticker": ticker})
        try:
            sent, delayed = self.client().answer("news", PATH, asked.parameters, permit, articles_model())
        except UnknownSymbol:
            return Write.negative(key, permit.stamp_us)
        articles = sent.get("results") or []
        found = NewsList(sent, delayed, permit.stamp_us, [published_us(article) for article in articles])
        # An empty list is believed for a short time only.
        kind, keep_us = (Kind.VALUE, KEEP_US) if articles else (Kind.NEGATIVE, NEGATIVE_AGE_US)
        return Write(key, Entry(permit.stamp_us, kind, found.payload()), keep_us)


def _newest(parameters: Mapping[str, str]) -> int | None:
    """How many of a ticker's newest articles are asked for, where nothing else is, and the list has so many."""
    others = {name: value for name, value in parameters.items() if name not in ("limit", "ticker")}
    limit = int(parameters.get("limit", NEWEST + 1))
    return limit if others == NEWEST_FIRST and limit <= NEWEST else None


def _newer(latest: Entry, kept: Entry) -> bool:
    return latest.stamp_us > kept.stamp_us
