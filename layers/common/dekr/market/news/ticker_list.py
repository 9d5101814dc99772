"""A ticker's newest articles as they are kept, and what the whole market's feed does to them (dekr.market.news.feed)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dekr.cache.entry import Entry
from dekr.errors import UpstreamInvalid

NEWEST_FIRST: Final = {"order": "desc", "sort": "published_utc"}

NEWEST: Final = 10
"""Articles of a list: what both dialects give whoever asks for no number."""

BEFORE: Final = "before:"
"""How a cursor of ours begins that goes on behind a moment. The upstream's own are base64, which has no colon."""

type Article = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewsList:
    """``sent``: the upstream's answer, newest article first; ``times_us``: when each was published. ``fetched_us``: when it was
    last fetched as a whole.
    """

    sent: dict[str, Any]
    delayed: bool
    fetched_us: int
    times_us: Sequence[int]

    @property
    def articles(self) -> list[Article]:
        """The articles as upstream sent them."""
        found: list[Article] = self.sent.get("results") or []
        return found

    @property
    def newest_us(self) -> int:
        """When the newest article was published; 0 where there is none."""
        return max(self.times_us, default=0)

    def payload(self) -> bytes:
        """The list as an entry keeps it."""
        kept = {"delayed": self.delayed, "sent": self.sent, "fetched": self.fetched_us}
        return json.dumps(kept, separators=(",", ":")).encode()

    def first(self, limit: int) -> dict[str, Any] | None:
        """The answer with so many articles at most; None where no page can end there.

        A page that is cut goes on behind the moment of its last article, so it is not cut between two of the same moment: it has
        fewer articles then.
        """
        if limit >= len(self.times_us):
            return self.sent
        end = _cut(self.times_us, limit)
        return self._page(self.articles[:end], _before(self.articles[end - 1], limit)) if end else None

    def under(self, articles: Sequence[Article], from_us: int, final_us: int, *, delayed: bool) -> "NewsList | None":
        """The list with these articles, which are all that there are of ``from_us`` and later, in the place of those that it had of
        that time. None where no page can be made of it, or an article that would stay may have changed: it is not from before
        ``final_us``.
        """
        behind = next((place for place, at_us in enumerate(self.times_us) if at_us < from_us), len(self.times_us))
        if any(at_us >= min(from_us, final_us) for at_us in self.times_us[behind:]):
            return None
        whole = [*articles, *self.articles[behind:]]
        times_us = [*map(published_us, articles), *self.times_us[behind:]]
        delayed = delayed or self.delayed
        if len(whole) > NEWEST:
            end = _cut(times_us, NEWEST)
            sent = self._page(whole[:end], _before(whole[end - 1], NEWEST)) if end else None
            return NewsList(sent, delayed, self.fetched_us, times_us[:end]) if sent else None
        following = self.sent.get("next_url")
        if following and (behind == len(self.times_us) or len(whole) < NEWEST):
            # It goes on behind an article that is not in the list any more; or the list is too short, and there are more.
            return None
        return NewsList(self._page(whole, following), delayed, self.fetched_us, times_us)

    def _page(self, articles: Sequence[Article], following: str | None) -> dict[str, Any]:
        rest = {name: value for name, value in self.sent.items() if name != "next_url"}
        page = {**rest, "count": len(articles), "results": list(articles)}
        return {**page, "next_url": following} if following else page


def list_of(entry: Entry) -> NewsList | None:
    """The list that an entry keeps; None for the upstream's word that there is no such ticker."""
    return entry.view(_list)


def published_us(article: Article) -> int:
    """When an article says that it was published. Raises UpstreamInvalid."""
    try:
        moment = datetime.fromisoformat(article["published_utc"])
    except ValueError:
        # The cause is left out, because its text quotes the upstream's value.
        text = "The data provider sent an article that was never published."
        raise UpstreamInvalid(text, fault="results.published_utc: not RFC 3339") from None
    if moment.tzinfo is None:
        raise UpstreamInvalid("The data provider sent a time without a zone.", fault="results.published_utc: no zone")
    return round(moment.timestamp() * 1_000_000)


def older(cursor: str) -> dict[str, str] | None:
    """The filter and the limit behind one of our cursors; None for one of the upstream's."""
    if not cursor.startswith(BEFORE):
        return None
    _, limit, moment = cursor.split(":", 2)
    return {"limit": limit, "published_utc.lt": moment}


def _list(kept: dict[str, Any] | None) -> NewsList | None:
    if kept is None:
        return None
    sent = kept["sent"]
    return NewsList(sent, kept["delayed"], kept["fetched"], [published_us(each) for each in sent.get("results") or []])


def _cut(times_us: Sequence[int], most: int) -> int:
    """Where to cut, at most so far on, so that the articles on both sides are of different moments; 0: nowhere."""
    while most and times_us[most - 1] == times_us[most]:
        most -= 1
    return most


def _before(article: Article, limit: int) -> str:
    return f"{BEFORE}{limit}:{article['published_utc']}"
