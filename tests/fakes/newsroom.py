"""News on the wire as they come in life: late, corrected, withdrawn, tagged anew, several at once. A test knows what could be
read at any moment.
"""

from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

PATH = "/v2/reference/news"


@dataclass
class Story:
    """An article. ``states``: its versions, each with its first moment in microseconds; None: it is withdrawn."""

    number: int
    published_us: int
    states: list[tuple[int, Mapping[str, Any] | None]] = field(default_factory=list)

    def at(self, us: int) -> Mapping[str, Any] | None:
        """Return the article as it was at a moment; None if it was not published then."""
        place = bisect_right(self.states, us, key=lambda state: state[0])
        return self.states[place - 1][1] if place else None


@dataclass
class Newsroom:
    """The upstream's news. ``page_size``: the most articles in a page, whatever the limit; ``reads_us``: when it was read."""

    page_size: int = 1_000
    stories: list[Story] = field(default_factory=list)
    reads_us: list[int] = field(default_factory=list)

    def publish(self, published_us: int, *tickers: str, appears_us: int | None = None) -> Story:
        """Publish a new article, which can be read from ``appears_us`` on."""
        story = Story(len(self.stories), published_us)
        self.stories.append(story)
        self.change(story, appears_us or published_us, *tickers)
        return story

    def change(self, story: Story, at_us: int, *tickers: str) -> None:
        """Publish a new version of an article, with these tickers, from ``at_us`` on."""
        version = f"{story.number}.{len(story.states)}"
        article = {
            "id": f"article-{story.number}",
            "title": version,
            "published_utc": _utc(story.published_us),
            "article_url": f"https://news.example/{version}",
            "tickers": list(tickers),
            "unheard_of": {"version": version},
        }
        story.states.append((at_us, article))

    def withdraw(self, story: Story, at_us: int) -> None:
        """Withdraw an article from ``at_us`` on."""
        story.states.append((at_us, None))

    def read(self, at_us: int, ticker: str | None = None) -> list[Mapping[str, Any]]:
        """Return all articles as they could be read at a moment, the newest first."""
        found = [(story, article) for story in self.stories if (article := story.at(at_us)) is not None]
        found.sort(key=lambda each: (each[0].published_us, each[0].number), reverse=True)
        return [article for _, article in found if ticker is None or ticker in article["tickers"]]

    def answer(self, request: httpx.Request, now_us: int) -> httpx.Response | None:
        """Return the response to a request for news; None for another path."""
        if request.url.path != PATH:
            return None
        self.reads_us.append(now_us)
        parameters = dict(request.url.params)
        if "cursor" in parameters:
            parameters = dict(httpx.QueryParams(b64decode(parameters["cursor"]).decode()))
        found = self.read(now_us, parameters.get("ticker"))
        found = [article for article in found if article["published_utc"] >= parameters.get("published_utc.gte", "")]
        found = [article for article in found if article["published_utc"] < parameters.get("published_utc.lt", "9")]
        behind = [place for place, article in enumerate(found, 1) if article["id"] == parameters.get("behind")]
        found = found[behind[0] :] if behind else found
        page = found[: min(self.page_size, int(parameters["limit"]))]
        body: dict[str, Any] = {"status": "OK", "request_id": "r", "count": len(page), "results": page}
        if len(page) < len(found):
            cursor = b64encode(str(httpx.QueryParams({**parameters, "behind": page[-1]["id"]})).encode()).decode()
            body["next_url"] = f"https://upstream.test{PATH}?{httpx.QueryParams({'cursor': cursor})}"
        return httpx.Response(200, json=body)


def _utc(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
