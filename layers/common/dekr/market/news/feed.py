"""The whole market's news: one call that tells what is new about every ticker.

A feed is a call for the articles of all tickers from a moment (``from_us``) on. It is put into the lists of tickers that the cache
has, list by list; each is then as a fetch of its own would have found it, and stamped with the moment at which the feed's
fetch started. After that a small entry is written (Feed): the feed's stamp, and which tickers it named. A list that was not
written is as fresh as the feed where the feed named nothing of its ticker.

Why such a list is what the upstream would have answered at the feed's stamp, for a list of stamp X of a ticker T:

- Of ``from_us`` and later the feed has all articles. If it names T, the list must have been written with it (its stamp is the
  feed's). If it does not, there are none of that time.
- Of before ``from_us`` the list has what was there at X. What appeared after X was published after X - LATEST_US (assumed, see
  below). The feeds of a chain overlap by more than that, so one of them since X had it, named T, and was put into the
  list. A list that was being fetched then, and was kept too late for it, is met by the next one, because they overlap by
  longer than a request lives, too. The chain must reach back to X (``since_us``).
- What the list had at X and keeps was published before X - LATEST_US: it has not changed since (assumed). With a later article the
  list is not taken: no feed put it there in its present state, so it was withdrawn, or is about other tickers now.
- A feed is kept only after all lists were written, each in one step, and all are kept by stamp: whatever dies on the way
  leaves lists that are right on their own, and the feed before.

Assumed of the upstream, which says nothing of it: an article can be found, under all of its tickers, at most two hours after
the moment at which it says that it was published, and does not change later. What does is seen when the list itself is
fetched again, KEEP_US after the last time at the latest; a plain cached list has that fault, too, for as long as its age.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.entry_cache import Write
from dekr.cache.freshness import DAY_US, SECOND_US
from dekr.cache.keys import MARKET, Datum, Lease
from dekr.errors import InvalidInput, StoreDown, UpstreamInvalid
from dekr.gate.permit import Permit
from dekr.market.news.ticker_list import NEWEST_FIRST, Article, list_of, published_us
from dekr.market.read.fetch import Fetch
from dekr.market.read.requirement import Requirement
from dekr.market.read.single_flight import SingleFlight
from dekr.polygon.endpoints import NEWS_FEED
from dekr.symbols import Ticker
from dekr.times import rfc3339

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient

KEEP_US: Final = 3 * DAY_US
"""For how long a list is kept after it was fetched as a whole. A week would save 0.3 % of a mixed day's calls more."""

LATEST_US: Final = 2 * 3_600 * SECOND_US
OVERLAP_US: Final = LATEST_US + 600 * SECOND_US

FIRST_US: Final = DAY_US
"""How far the first feed of a chain goes back, as far as one page does."""

MAX_PAGES: Final = 3
"""What appeared while nobody asked is followed over so many pages; where there is more, a new chain begins. At 1 500 articles a day
that is two days: a weekend.
"""

CHUNK: Final = 100
"""Lists that are read and written in one round trip."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed left: since when there is a chain of them (lists that are older have gaps), and the tickers that it named."""

    since_us: int
    named: frozenset[str]

    def agrees(self, ticker: str, own: Entry) -> bool:
        """Whether this feed, which is newer than a ticker's list, changes nothing of it."""
        if own.stamp_us < self.since_us or ticker in self.named:
            return False
        found = list_of(own)
        return found is not None and found.newest_us < final_us(own)

    def entry(self, stamp_us: int) -> Entry:
        """The feed as it is kept."""
        kept = {"since": self.since_us, "named": sorted(self.named)}
        return Entry(stamp_us, Kind.VALUE, json.dumps(kept, separators=(",", ":")).encode())


def feed_of(entry: Entry) -> Feed:
    """The feed that an entry keeps."""
    return entry.view(_feed)


def final_us(own: Entry) -> int:
    """What was published before does not change any more, as the list has it."""
    return own.stamp_us - LATEST_US


def reaches(stamp_us: int, feed: Entry | None, now_us: int) -> bool:
    """Whether a list of this stamp is likely to be brought up to date by a feed that is fetched now."""
    return stamp_us >= (feed_of(feed).since_us if feed else now_us - FIRST_US + OVERLAP_US)


@dataclass(frozen=True, slots=True)
class NewsFeed:
    """Fetches feeds. ``client`` is asked for on the first miss."""

    single_flight: SingleFlight
    client: "Callable[[], PolygonClient]"

    @property
    def key(self) -> str:
        """The feed's key."""
        return self.single_flight.cache.key(MARKET, Datum.NEWS_FEED)

    def next_fetch(self) -> Fetch:
        """The fetch of the next feed. Its family is not that of the lists: where it fails, they need not."""
        return Fetch(Lease.NEWS_FEED, (NEWS_FEED.family,), NEWS_FEED.lease_ms, self)

    def fetch(self, permit: Permit, missing: Sequence[Requirement], cached: Mapping[str, Entry]) -> list[Write]:
        """The entry of the feed, once all lists that it changes are written.

        Raises what the client raises, UpstreamInvalid for a feed without any news, and StoreDown.
        """
        del missing
        if permit.alone:
            raise StoreDown(
                "Without the store there are no lists to put the news into.", fault="read without the store"
            )
        before = cached.get(self.key)
        from_us = before.stamp_us - OVERLAP_US if before else permit.stamp_us - FIRST_US
        found = self._articles(from_us // SECOND_US * SECOND_US, permit, MAX_PAGES if before else 1)
        since_us = feed_of(before).since_us if before and found.whole else found.from_us + OVERLAP_US
        named = found.by_ticker()
        self._into_lists(found, named, since_us, permit.stamp_us)
        return [Write(self.key, Feed(since_us, frozenset(named)).entry(permit.stamp_us), KEEP_US)]

    def _articles(self, from_us: int, permit: Permit, most: int) -> "Found":
        """The articles of ``from_us`` and later, or, where they are more than so many pages, those from some later moment on."""
        parameters = {**NEWEST_FIRST, "limit": str(NEWS_FEED.max_limit), "published_utc.gte": rfc3339(from_us * 1_000)}
        articles: dict[str, Article] = {}
        late = False
        for _ in range(most):
            sent, delayed = self.client().answer(NEWS_FEED, parameters, permit)
            late = late or delayed
            for article in sent.get("results") or []:
                articles.setdefault(article["id"], article)
            cursor = sent.get("next_url")
            if not cursor:
                break
            parameters = {"cursor": cursor}
        times_us = [published_us(article) for article in articles.values()]
        if not times_us:
            # In hours there is news of some ticker: an answer without any is not believed.
            raise UpstreamInvalid("The data provider sent no news at all.", fault="results: empty")
        if any(later > earlier for earlier, later in pairwise(times_us)):
            text = "The data provider sent news out of order."
            raise UpstreamInvalid(text, fault="results.published_utc: out of order")
        # Behind the last page there may be more of the same moment.
        begin_us = max(from_us, times_us[-1] + 1) if cursor else from_us
        kept = [article for at_us, article in zip(times_us, articles.values(), strict=True) if at_us >= begin_us]
        return Found(kept, begin_us, delayed=late, whole=begin_us == from_us)

    def _into_lists(self, found: "Found", named: Mapping[str, list[Article]], since_us: int, stamp_us: int) -> None:
        cache = self.single_flight.cache
        tickers = list(named)
        for start in range(0, len(tickers), CHUNK):
            keys = {cache.key(ticker, Datum.NEWS_LIST): ticker for ticker in tickers[start : start + CHUNK]}
            replies = cache.store.run(*(cache.get(key) for key in keys))
            writes: list[Write] = []
            for (key, ticker), reply in zip(keys.items(), replies, strict=True):
                own = Entry.decode(reply) if reply is not None else None
                if own is None or own.kind is Kind.NEGATIVE or not since_us <= own.stamp_us < stamp_us:
                    continue
                old = list_of(own)
                new = old and old.under(named[ticker], found.from_us, final_us(own), delayed=found.delayed)
                if new:
                    left_us = new.fetched_us + KEEP_US - stamp_us
                    writes.append(Write(key, Entry(stamp_us, Kind.VALUE, new.payload()), left_us))
            if not self.single_flight.keep(writes, copy=False):
                raise StoreDown("The store was lost while news were kept.", fault="lost while writing news")


@dataclass(frozen=True, slots=True)
class Found:
    """All ``articles`` of ``from_us`` and later, the newest first. ``whole``: that is as far back as was asked for."""

    articles: Sequence[Article]
    from_us: int
    delayed: bool
    whole: bool

    def by_ticker(self) -> dict[str, list[Article]]:
        """The articles about each ticker. What is no ticker of ours has no list."""
        named: dict[str, list[Article]] = {}
        for article in self.articles:
            for text in dict.fromkeys(article.get("tickers") or []):
                if _is_ticker(text):
                    named.setdefault(text, []).append(article)
        return named


def _is_ticker(text: str) -> bool:
    try:
        return Ticker.parse(text).text == text
    except InvalidInput:
        return False


def _feed(kept: dict[str, Any]) -> Feed:
    return Feed(kept["since"], frozenset(kept["named"]))
