"""Chooses which cached entries answer a request for a ticker's newest articles: its list alone, or its list and the feed."""

from collections.abc import Mapping
from dataclasses import dataclass

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import DataClass
from dekr.market.news.feed import feed_of, next_feed_covers
from dekr.market.news.feed_fetcher import NewsFeed
from dekr.market.read.fetch import Fetch, ReadPlan
from dekr.market.read.requirement import Requirement, not_fresh
from dekr.tiers import TierPolicy


@dataclass(frozen=True, slots=True, eq=False)
class NewsReadPlanner:
    """Chooses between a ticker's list and the feed; a ``dekr.market.read.fetch.Planner``.

    ``key``: the cache key of the list; ``fetch_list``: the fetch of the list. ``may_fetch_feed``: whether a feed may be fetched to
    bring the list up to date.
    """

    ticker: str
    key: str
    feed: NewsFeed
    fetch_list: Fetch
    may_fetch_feed: bool

    def plan(self, entries: Mapping[str, Entry], now_us: int, policy: TierPolicy) -> ReadPlan:
        """Require the list, or the feed where the list is as fresh as the feed or can be brought up to date by the next one."""
        by_list, by_both = Requirement(self.key, DataClass.NEWS), Requirement(self.feed.key, DataClass.NEWS)
        kept, latest = entries.get(self.key), entries.get(self.feed.key)
        if kept is None or kept.kind is Kind.NEGATIVE:
            return ReadPlan((by_list,), self.fetch_list)
        up_to_date = self.is_up_to_date(kept, latest)
        fresh = not not_fresh((by_both if up_to_date else by_list,), entries, now_us, policy)
        if fresh or not self.may_fetch_feed or not next_feed_covers(kept.stamp_us, latest, now_us):
            return ReadPlan((by_both if fresh and up_to_date else by_list,), self.fetch_list)
        return ReadPlan((by_both,), self.feed.next_fetch(), (by_list,))

    def is_up_to_date(self, kept: Entry, latest: Entry | None) -> bool:
        """Whether the feed (``latest``) is newer than the list (``kept``) and changes nothing of it."""
        return (
            latest is not None
            and latest.stamp_us > kept.stamp_us
            and feed_of(latest).leaves_unchanged(self.ticker, kept)
        )
