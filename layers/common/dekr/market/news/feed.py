"""The news feed: one call for the articles of all tickers, which brings every cached list of news up to date.

A feed is a call for the articles of all tickers from a moment ``from_us`` on. It is merged into each list in the cache, which
then equals what a fetch of that list would have brought at the moment the feed's fetch started, and gets that moment as its
stamp. Last of all a small entry is written (``Feed``): the feed's stamp and the tickers that it named. A list that was not
written is as fresh as the feed where the feed named nothing of its ticker.

The argument that a list with stamp X, of ticker T, then holds what the upstream would have answered at the feed's stamp:

- The feed has all articles published at ``from_us`` or later. If it names T, the list must have been written with it, so that
  its stamp is the feed's. If it does not name T, there are no articles of T of that time.
- Of the time before ``from_us`` the list has what was there at X. An article that appeared after X was published after
  X - MAX_PUBLICATION_DELAY_US (an assumption, see below). The feeds of a chain overlap by more than that delay, so one of the feeds
  since X had that article, named T, and was merged into the list. A list that was being fetched at that time, and was kept
  too late to be merged, is met by the next feed, because feeds also overlap by longer than a request can take. For this
  the chain of feeds must reach back to X (``chain_start_us``).
- The articles that the list had at X and keeps were published before X - MAX_PUBLICATION_DELAY_US, so they have not changed since
  (an assumption as well). A list with a later article is not used: had that article still been there, a feed would have
  written the list, so the article was withdrawn or is about other tickers now.
- A feed is kept only after all lists were written, each in one step, and lists and feeds are kept only where they are newer
  than what is there. Whatever stops a feed half-way leaves lists that are right by themselves, and the feed before it.

The assumption about the upstream, which documents none of this: an article can be found under all of its tickers at most two
hours after the time at which it says that it was published, and does not change later. A change after that is seen when the
list itself is fetched again, at the latest KEEP_US after the last time. A plain cached list has the same fault for as long
as its age allows.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from dekr.cache.entry import Entry, Kind
from dekr.cache.freshness import DAY_US, SECOND_US
from dekr.market.news.ticker_list import list_of

KEEP_US: Final = 3 * DAY_US
"""For how long a list is kept after it was fetched as a whole. A week would save 0.3 % more of a mixed day's calls."""

MAX_PUBLICATION_DELAY_US: Final = 2 * 3_600 * SECOND_US
"""The longest time after its publication at which an article can appear in the upstream's answers, or change."""

OVERLAP_US: Final = MAX_PUBLICATION_DELAY_US + 600 * SECOND_US
"""The time by which a feed goes back before the start of the last one: that delay, and more than a request can take."""

FIRST_FEED_US: Final = DAY_US
"""The time by which the first feed of a chain goes back, if one page holds so much."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The cached record of the last feed: the tickers that it named, and since when there is an unbroken chain of feeds.

    Lists with a stamp before ``chain_start_us`` may have gaps.
    """

    chain_start_us: int
    tickers: frozenset[str]

    def leaves_unchanged(self, ticker: str, own: Entry) -> bool:
        """Whether a ticker's list (``own`` is its entry, older than this feed) is still what the upstream would answer."""
        if own.stamp_us < self.chain_start_us or ticker in self.tickers:
            return False
        articles = list_of(own)
        return articles is not None and articles.newest_us < stable_before_us(own)

    def entry(self, stamp_us: int) -> Entry:
        """The cache entry of a feed whose fetch started at ``stamp_us``."""
        kept = {"since": self.chain_start_us, "named": sorted(self.tickers)}
        return Entry(stamp_us, Kind.VALUE, json.dumps(kept, separators=(",", ":")).encode())


def feed_of(entry: Entry) -> Feed:
    """The feed in a cache entry, parsed once for as long as the entry object lives."""
    return entry.view(_feed)


def stable_before_us(own: Entry) -> int:
    """The moment before which articles must have been published to be final in a list with this entry's stamp."""
    return own.stamp_us - MAX_PUBLICATION_DELAY_US


def next_feed_covers(stamp_us: int, latest: Entry | None, now_us: int) -> bool:
    """Whether the feed that is fetched next can bring a list of this stamp up to date; ``latest`` is the last feed's entry.

    A feed after none begins a chain of its own, and one after ``latest`` usually continues its chain.
    """
    return stamp_us >= (feed_of(latest).chain_start_us if latest else now_us - FIRST_FEED_US + OVERLAP_US)


def _feed(kept: dict[str, Any]) -> Feed:
    return Feed(kept["since"], frozenset(kept["named"]))
