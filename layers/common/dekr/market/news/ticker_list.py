"""The list of a ticker's newest articles in the cache, and how a feed is merged into it (dekr.market.news.feed)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dekr.cache.entry import Entry
from dekr.errors import UpstreamInvalid
from dekr.flaws import NO_FLAWS, Flaws

NEWEST_FIRST: Final = {"order": "desc", "sort": "published_utc"}
"""The parameters of a query for the newest articles."""

LIST_SIZE: Final = 10
"""The number of articles in a list: both dialects return so many by default."""

CURSOR_PREFIX: Final = "before:"
"""The start of the service's own cursors, which continue before a moment. The upstream's are base64, which has no colon."""

type Article = Mapping[str, Any]
"""An article as the upstream sent it."""


@dataclass(frozen=True, slots=True)
class NewsList:
    """A ticker's newest articles.

    ``sent``: the upstream's answer, newest article first; ``times_us``: when each article was published. ``fetched_us``: when
    the list was last fetched as a whole. ``flaws``: those of that fetch.
    """

    sent: dict[str, Any]
    delayed: bool
    fetched_us: int
    times_us: Sequence[int]
    flaws: Flaws = NO_FLAWS

    @property
    def articles(self) -> list[Article]:
        """The articles as the upstream sent them, newest first."""
        found: list[Article] = self.sent.get("results") or []
        return found

    @property
    def newest_us(self) -> int:
        """When the newest article was published, in microseconds since the epoch; 0 where there is none."""
        return max(self.times_us, default=0)

    def payload(self) -> bytes:
        """The list as JSON, the payload of its cache entry."""
        kept = {"delayed": self.delayed, "sent": self.sent, "fetched": self.fetched_us, **self.flaws.kept()}
        return json.dumps(kept, separators=(",", ":")).encode()

    def page(self, limit: int) -> dict[str, Any] | None:
        """The upstream's answer cut to at most ``limit`` articles; None where it cannot be cut.

        The next page continues before the moment of this page's last article. So it is not cut between two articles of the same
        moment, and has fewer articles than the limit there.
        """
        if limit >= len(self.times_us):
            return self.sent
        end = _page_end(self.times_us, limit)
        return self._answer(self.articles[:end], _cursor_after(self.articles[end - 1], limit)) if end else None

    def merged(
        self, articles: Sequence[Article], from_us: int, stable_before_us: int, *, delayed: bool
    ) -> "NewsList | None":
        """The list with its articles of ``from_us`` and later replaced by these, which are all that there are of that time.

        ``stable_before_us``: articles published before it cannot have changed. None where an article that would stay may have
        changed, or where no page can be made of the result.
        """
        kept_from = next((index for index, at_us in enumerate(self.times_us) if at_us < from_us), len(self.times_us))
        if any(at_us >= min(from_us, stable_before_us) for at_us in self.times_us[kept_from:]):
            return None
        merged = [*articles, *self.articles[kept_from:]]
        times_us = [*map(published_us, articles), *self.times_us[kept_from:]]
        delayed = delayed or self.delayed
        if len(merged) > LIST_SIZE:
            end = _page_end(times_us, LIST_SIZE)
            sent = self._answer(merged[:end], _cursor_after(merged[end - 1], LIST_SIZE)) if end else None
            return NewsList(sent, delayed, self.fetched_us, times_us[:end], self.flaws) if sent else None
        cursor = self.sent.get("next_url")
        if cursor and (kept_from == len(self.times_us) or len(merged) < LIST_SIZE):
            # The cursor continues after an article that is not in the list any more, or the list is too short while there are more.
            return None
        return NewsList(self._answer(merged, cursor), delayed, self.fetched_us, times_us, self.flaws)

    def _answer(self, articles: Sequence[Article], cursor: str | None) -> dict[str, Any]:
        rest = {name: value for name, value in self.sent.items() if name != "next_url"}
        answer = {**rest, "count": len(articles), "results": list(articles)}
        return {**answer, "next_url": cursor} if cursor else answer


def list_of(entry: Entry) -> NewsList | None:
    """The list in a cache entry, parsed once for as long as the entry object lives; None where there is no such ticker."""
    return entry.view(_list)


def published_us(article: Article) -> int:
    """When an article says that it was published, in microseconds since the epoch. Raises UpstreamInvalid where it does not say."""
    try:
        moment = datetime.fromisoformat(article["published_utc"])
    except ValueError:
        # The cause is left out, because its text quotes the upstream's value.
        text = "The data provider sent an article that was never published."
        raise UpstreamInvalid(text, fault="results.published_utc: not RFC 3339") from None
    if moment.tzinfo is None:
        raise UpstreamInvalid("The data provider sent a time without a zone.", fault="results.published_utc: no zone")
    return round(moment.timestamp() * 1_000_000)


def parameters_of_cursor(cursor: str) -> dict[str, str] | None:
    """The filter and limit that one of the service's own cursors stands for; None for a cursor of the upstream's."""
    if not cursor.startswith(CURSOR_PREFIX):
        return None
    _, limit, moment = cursor.split(":", 2)
    return {"limit": limit, "published_utc.lt": moment}


def _list(kept: dict[str, Any] | None) -> NewsList | None:
    if kept is None:
        return None
    sent = kept["sent"]
    times_us = [published_us(each) for each in sent.get("results") or []]
    return NewsList(sent, kept["delayed"], kept["fetched"], times_us, Flaws.of(kept))


def _page_end(times_us: Sequence[int], limit: int) -> int:
    """The largest length of a page, up to the limit, after which an article of another moment follows; 0 where there is none."""
    end = limit
    while end and times_us[end - 1] == times_us[end]:
        end -= 1
    return end


def _cursor_after(article: Article, limit: int) -> str:
    return f"{CURSOR_PREFIX}{limit}:{article['published_utc']}"
