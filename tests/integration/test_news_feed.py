"""One call for the news of all tickers keeps every list fresh, and no list says less than the upstream did at the list's stamp."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from dekr.access.principal import Principal, Role
from dekr.errors import StoreDown
from dekr.market.news import feed as news_feed
from dekr.market.news.ticker_list import LIST_SIZE
from dekr.market.read.context import Outcome, ReadContext
from dekr.store import Command, plain
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from tests.fakes.newsroom import PATH, Newsroom
from tests.patience import HANG_S, always
from tests.redis_servers import RedisServer
from tests.round_trips import counted
from tests.still_link import still_link
from tests.world import Answer, World

MINUTE_US = 60 * 1_000_000
HOUR_US = 60 * MINUTE_US
TICKERS = ("AAPL", "MSFT", "TSLA", "KO", "F", "BRK.B")


@dataclass
class Wire:
    """Two sandboxes of the service and a newsroom. ``calls``: the parameters of each upstream call, in order."""

    worlds: list[World]
    room: Newsroom = field(default_factory=Newsroom)
    calls: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.worlds[0].upstream.answer = self.answer
        self.worlds[0].to("2026-11-20T15:00:00Z")
        self.key = self.worlds[0].key(7)

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        self.calls.append(dict(request.url.params))
        return self.room.answer(request, self.now_us)

    @property
    def now_us(self) -> int:
        return self.worlds[0].services.now_us()

    def later(self, seconds: float) -> None:
        self.worlds[0].later(seconds)

    def get(self, path: str, tier: int | None = None) -> Answer:
        return self.worlds[0].get(path, self.worlds[0].key(tier, f"tier-{tier}") if tier else self.key)

    def titles(self, symbol: str, tier: int | None = None) -> list[str]:
        return [article["title"] for article in self.get(f"/news?symbol={symbol}", tier).json["articles"]]

    def spent(self, act: Callable[[], object]) -> list[str]:
        """The upstream calls that an act makes: for each the ticker, "cursor" or "all"."""
        before = len(self.calls)
        act()
        return [call.get("ticker", "cursor" if "cursor" in call else "all") for call in self.calls[before:]]

    def fill(self, *tickers: str, articles: int = 12) -> None:
        """Publish this many old articles about each ticker, one an hour."""
        for number in range(articles):
            for ticker in tickers:
                self.room.publish(self.now_us - (articles + 12 - number) * HOUR_US, ticker)

    def publish(self, *tickers: str, ago_s: float = 60, late_s: float = 0) -> Any:
        published_us = self.now_us - int(ago_s * 1e6)
        return self.room.publish(published_us, *tickers, appears_us=published_us + int(late_s * 1e6))

    def replace_fields(self, published: Any, **fields: object) -> None:
        """Send these fields of a published article in the place of its own from here on."""

        def answer(request: httpx.Request) -> httpx.Response | None:
            usual = self.answer(request)
            body: Any = usual.json() if usual is not None else {}
            for article in body.get("results") or []:
                if article["id"] == f"article-{published.number}":
                    article.update(fields)
            return httpx.Response(200, json=body)

        self.worlds[0].upstream.answer = answer


@pytest.fixture
def wire(link: Link) -> Wire:
    """Two sandboxes and a newsroom with an article about NVDA in each half hour."""
    first = World(link)
    found = Wire([first, World(link, first.upstream, first.directory)])
    for half_hour in range(-60, 300):
        found.room.publish(found.now_us + half_hour * HOUR_US // 2, "NVDA")
    return found


@pytest.fixture
def known(wire: Wire) -> Wire:
    """The service with a feed, and with lists of three tickers that are too old for their reader."""
    wire.fill("AAPL", "MSFT", "KO")
    for symbol in ("AAPL", "MSFT", "KO"):
        wire.titles(symbol)
    wire.later(301)
    wire.titles("AAPL")
    wire.later(301)
    return wire


def test_one_call_makes_all_lists_fresh(known: Wire) -> None:
    assert known.spent(lambda: known.titles("AAPL")) == ["all"]
    for symbol in ("MSFT", "KO"):
        assert known.spent(partial(known.titles, symbol)) == []
        answer = known.get(f"/news?symbol={symbol}")
        assert answer.headers["Cache-Status"].startswith("dekr; hit")
        assert int(answer.headers["Age"]) < 2


def test_a_new_article_is_in_the_lists_of_all_that_it_names(known: Wire) -> None:
    before = known.titles("MSFT")
    story = known.publish("MSFT", "KO")
    known.later(301)
    assert known.spent(lambda: known.titles("AAPL")) == ["all"]
    for symbol in ("MSFT", "KO"):
        assert known.spent(partial(known.titles, symbol)) == []
    assert known.titles("MSFT") == [f"{story.number}.0", *before[:-1]]
    sent = known.get(f"{PATH}?ticker=MSFT").json["results"][0]
    assert sent == story.at(known.now_us)


def test_a_list_of_days_ago_needs_no_call_of_its_own(known: Wire) -> None:
    for _ in range(4 * 24):
        known.later(1_800)
        known.publish("AAPL")
        known.titles("AAPL")
    story = known.publish("KO")
    known.later(301)
    known.titles("AAPL")
    assert known.spent(lambda: known.titles("KO")) == []
    assert known.titles("KO")[0] == f"{story.number}.0"


def test_a_list_is_fetched_itself_three_days_after_the_last_time_whatever_feeds_did_to_it(
    known: Wire, link: Link
) -> None:
    known.titles("KO")
    for _ in range(48):
        known.later(3_600)
        known.publish("KO")
        known.titles("AAPL")
    (left_ms,) = link.run(plain("PTTL", "dekr:{KO}:news:newest"))
    assert 0.9 * 86_400_000 < left_ms < 86_400_000


def test_an_article_that_appears_late_is_found(known: Wire) -> None:
    known.titles("AAPL")
    story = known.publish("KO", ago_s=30, late_s=7_000)
    known.later(6_000)
    known.titles("AAPL")
    known.later(1_200)
    known.titles("AAPL")
    assert known.titles("KO")[0] == f"{story.number}.0"


@pytest.mark.parametrize("change", ["text", "tickers", "withdrawn"])
def test_an_article_that_is_changed_soon_after_is_so_in_the_lists(known: Wire, change: str) -> None:
    story = known.publish("KO")
    known.later(301)
    known.titles("AAPL")
    assert f"{story.number}.0" in known.titles("KO")
    if change == "withdrawn":
        known.room.withdraw(story, known.now_us)
    else:
        known.room.change(story, known.now_us, *(["KO"] if change == "text" else ["MSFT"]))
    known.later(301)
    known.titles("AAPL")
    assert (f"{story.number}.1" in known.titles("KO")) == (change == "text")
    assert f"{story.number}.0" not in known.titles("KO")
    assert (f"{story.number}.1" in known.titles("MSFT")) == (change == "tickers")


def test_each_tier_has_its_own_largest_age_of_the_feed(known: Wire) -> None:
    known.titles("AAPL")
    known.later(899)
    assert known.spent(lambda: known.titles("KO", 4)) == []
    known.later(2)
    assert known.spent(lambda: known.titles("KO", 2)) == []
    assert known.spent(lambda: known.titles("KO", 4)) == ["all"]
    assert known.spent(lambda: known.titles("KO", 7)) == []


def test_a_hit_costs_one_round_trip(known: Wire, link: Link) -> None:
    known.titles("AAPL")
    known.titles("KO")
    with counted(link) as trips:
        assert known.spent(lambda: known.titles("KO")) == []
    assert trips.count == 1


def test_a_list_from_before_the_chain_is_fetched_itself(wire: Wire) -> None:
    wire.fill("AAPL", "KO")
    wire.titles("KO")
    wire.later(3 * 86_400)
    wire.publish("KO", ago_s=86_400)
    wire.titles("AAPL")
    wire.later(301)
    wire.publish("AAPL")
    wire.titles("AAPL")
    wire.later(301)
    assert wire.spent(lambda: wire.titles("KO")) == ["KO"]


def test_more_than_some_pages_of_news_are_not_followed(known: Wire) -> None:
    known.room.page_size = 5
    known.titles("AAPL")
    for number in range(40):
        known.publish("TSLA", ago_s=40 - number)
    story = known.publish("KO", ago_s=50)
    known.later(400)
    assert known.spent(lambda: known.titles("AAPL")) == ["all", "cursor", "cursor", "AAPL"]
    assert known.spent(lambda: known.titles("KO")) == ["KO"]
    assert known.titles("KO")[0] == f"{story.number}.0"


def test_pages_that_are_worth_it_are_followed(known: Wire) -> None:
    known.titles("AAPL")
    for number in range(4):
        known.publish("TSLA", ago_s=40 - number)
    story = known.publish("KO", ago_s=50)
    known.room.page_size = 5
    known.later(301)
    assert known.spent(lambda: known.titles("AAPL")) == ["all", "cursor"]
    assert known.spent(lambda: known.titles("KO")) == []
    assert known.titles("KO")[0] == f"{story.number}.0"


@pytest.mark.parametrize("fault", ["empty", "wrong", "refused", "no_time", "order"])
def test_a_feed_that_cannot_be_used_does_not_cost_the_lists(known: Wire, link: Link, fault: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        if "ticker" in request.url.params:
            return known.answer(request)
        known.calls.append(dict(request.url.params))
        if fault == "refused":
            return httpx.Response(403, json={"status": "NOT_AUTHORIZED", "message": "No."})
        articles: list[Any] = [] if fault == "empty" else known.room.read(known.now_us)
        if fault == "order":
            articles.reverse()
        if fault in ("wrong", "no_time"):
            field = "title" if fault == "wrong" else "published_utc"
            articles = [{**articles[0], field: 5 if fault == "wrong" else "soon"}]
        return httpx.Response(200, json={"status": "OK", "results": articles})

    known.publish("KO", ago_s=90)
    story = known.publish("KO")
    known.worlds[0].upstream.answer = answer
    for _ in range(12):
        answered = known.get("/news?symbol=KO")
        assert answered.status == 200
        titles = [article["title"] for article in answered.json["articles"]]
        assert titles[:2] == [f"{story.number}.0", f"{story.number - 1}.0"]
        assert "X-Data-Warning" not in answered.headers
        known.later(301)
        # What was wrong is remembered for a second of Redis's own.
        link.run(plain("DEL", "dekr:{upstream}:lease:market:news"))
    assert len([call for call in known.calls if "ticker" not in call]) >= 2
    known.worlds[0].upstream.answer = known.answer
    known.later(3_700)
    assert known.spent(lambda: known.titles("KO"))[0] == "all"


def test_a_broken_article_of_the_feed_costs_its_own_tickers_alone(known: Wire) -> None:
    known.publish("AAPL")
    broken, good = known.publish("KO"), known.publish("MSFT")

    known.replace_fields(broken, title=5)
    assert known.spent(lambda: known.titles("AAPL")) == ["all"]
    assert known.spent(lambda: known.titles("MSFT")) == []
    assert known.titles("MSFT")[0] == f"{good.number}.0"
    assert "X-Data-Warning" not in known.get("/news?symbol=MSFT").headers
    # The feed cannot say what the list of KO is: it is fetched by itself, and lacks the article.
    assert known.spent(lambda: known.titles("KO")) == ["KO"]
    assert known.get("/news?symbol=KO").headers["X-Data-Warning"] == "partial; dropped=1"


@pytest.mark.parametrize("tickers", ["KO", [5], None])
def test_a_feed_with_a_broken_article_of_unknown_tickers_is_not_used(known: Wire, tickers: object) -> None:
    broken, good = known.publish("KO"), known.publish("MSFT")

    known.replace_fields(broken, tickers=tickers, title=5)
    assert known.spent(lambda: known.titles("MSFT")) == ["all", "MSFT"]
    assert known.titles("MSFT")[0] == f"{good.number}.0"


def test_while_the_upstream_is_down_the_feeds_age_is_labelled_and_the_list_is_not_fetched(known: Wire) -> None:
    known.titles("AAPL")
    known.later(600)
    urls: list[str] = []
    known.worlds[0].upstream.answer = lambda request: urls.append(str(request.url)) or httpx.Response(500)  # type: ignore[func-returns-value]
    stale = known.get("/news?symbol=KO")
    assert stale.status == 200
    assert stale.headers["X-Data-Warning"].startswith("stale; age=600")
    assert urls
    assert not [url for url in urls if "ticker" in url]


def test_after_a_feed_that_was_wrong_the_answer_is_a_plain_one(known: Wire) -> None:
    known.titles("AAPL")
    known.later(400)
    empty = httpx.Response(200, json={"status": "OK", "results": []})
    known.worlds[0].upstream.answer = lambda request: known.answer(request) if "ticker" in request.url.params else empty
    answer = known.get("/news?symbol=KO")
    assert answer.headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert answer.headers["Cache-Control"] != "private, max-age=0"


def test_of_a_moment_at_which_the_feed_ends_it_may_lack_articles(wire: Wire) -> None:
    at_us = wire.now_us - 5 * HOUR_US + MINUTE_US
    found = {f"{wire.room.publish(at_us, 'KO').number}.0" for _ in range(2)}
    wire.titles("KO")
    wire.later(301)
    newer = [each for each in wire.room.stories if at_us < each.published_us <= wire.now_us]
    wire.room.page_size = len(newer) + 1
    assert wire.spent(lambda: wire.titles("KO")) == ["all"]
    assert set(wire.titles("KO")) == found


def test_a_feed_that_goes_back_less_than_articles_may_be_late_is_not_enough(wire: Wire) -> None:
    wire.fill("KO")
    story = wire.publish("KO", ago_s=85 * 60, late_s=85 * 60 + 100)
    wire.titles("KO")
    wire.later(301)
    for number in range(20):
        wire.publish("TSLA", ago_s=2_400 + number)
    wire.room.page_size = 15
    assert wire.spent(lambda: wire.titles("KO")) == ["all", "KO"]
    assert wire.titles("KO")[0] == f"{story.number}.0"


class Losing:
    """A store to which commands can be lost on the way."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.prefix = link.prefix
        self.lost: Callable[[Command], bool] = lambda _: False

    @property
    def clock_offset_us(self) -> int:
        return self.link.clock_offset_us

    @clock_offset_us.setter
    def clock_offset_us(self, offset_us: int) -> None:
        self.link.clock_offset_us = offset_us

    def run(self, *commands: Command) -> list[Any]:
        if any(self.lost(command) for command in commands):
            raise StoreDown("Lost.")
        return self.link.run(*commands)

    def shards(self) -> "Sequence[Losing]":
        return (self,)


@pytest.fixture
def losing(link: Link) -> tuple[Wire, Losing]:
    store = Losing(link)
    wire = Wire([World(store)])
    for half_hour in range(-60, 60):
        wire.room.publish(wire.now_us + half_hour * HOUR_US // 2, "NVDA")
    wire.fill("KO", "AAPL")
    for _ in range(2):
        wire.titles("KO")
        wire.titles("AAPL")
        wire.later(301)
    return wire, store


def test_a_feed_that_did_not_reach_all_lists_is_not_kept(losing: tuple[Wire, Losing], link: Link) -> None:
    wire, store = losing
    wire.publish("KO")
    head = plain("GET", "dekr:{market}:news:feed")
    before = link.run(head)
    store.lost = lambda command: command.script is not None and "dekr:{KO}:news:newest" in command.keys
    assert wire.get("/news?symbol=AAPL").status == 200
    assert link.run(head) == before
    assert before != [None]
    store.lost = lambda _: False
    wire.later(301)
    assert wire.spent(lambda: wire.titles("AAPL"))[0] == "all"
    assert link.run(head) != before


def test_without_the_store_there_is_no_feed(losing: tuple[Wire, Losing]) -> None:
    wire, store = losing
    store.lost = lambda _: True
    assert wire.spent(lambda: wire.titles("KO")) == ["KO"]


def test_a_short_page_is_cut_from_the_list_and_leads_on(known: Wire) -> None:
    known.publish("KO")
    known.later(301)
    known.titles("AAPL")
    assert known.spent(lambda: known.get("/news?symbol=KO&limit=4")) == []
    truth = [article["title"] for article in known.room.read(known.now_us, "KO")]
    for path in ("/news?symbol=KO&limit=4", "/news?symbol=KO", "/news?symbol=KO&limit=10"):
        found: list[str] = []
        following: str | None = path
        while following:
            answer = known.get(following)
            found += [article["title"] for article in answer.json["articles"]]
            following = answer.headers["Link"].split(">")[0].strip("<") if "Link" in answer.headers else None
        assert found == truth


def test_a_page_does_not_end_between_articles_of_one_moment(known: Wire) -> None:
    known.titles("AAPL")
    same = known.now_us // 1_000_000 * 1_000_000
    for _ in range(3):
        known.room.publish(same, "KO")
    known.later(301)
    known.titles("AAPL")
    assert len(known.get("/news?symbol=KO&limit=4").json["articles"]) == 4
    assert len(known.get("/news?symbol=KO&limit=3").json["articles"]) == 3
    # The list cannot be cut to two articles, so the upstream is called.
    assert known.spent(lambda: known.get("/news?symbol=KO&limit=2")) == ["KO"]
    assert len(known.get("/news?symbol=KO&limit=2").json["articles"]) == 2


@pytest.mark.parametrize("query", ["limit=11", "published_after=2026-11-01", "limit=100"])
def test_other_queries_are_passed_on(known: Wire, query: str) -> None:
    assert known.spent(lambda: known.get(f"/news?symbol=KO&{query}")) == ["KO"]
    assert known.spent(lambda: known.get(f"/news?symbol=KO&{query}")) == []
    known.later(301)
    known.titles("AAPL")
    assert known.spent(lambda: known.get(f"/news?symbol=KO&{query}")) == ["KO"]


def test_those_who_wait_for_the_feed_read_what_it_changed(known: Wire, redis: RedisServer) -> None:
    story = known.publish("KO")
    first, waits, answers = known.worlds[0], Event(), list[Answer]()

    def sleep(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    link = still_link(redis.url)
    other = first.beside(link, sleep)
    waiting = Thread(target=lambda: answers.append(other.get("/news?symbol=KO", known.key)))

    def meanwhile(_: httpx.Request) -> None:
        waiting.start()
        assert waits.wait(HANG_S)

    first.upstream.before = meanwhile
    assert known.spent(lambda: known.titles("AAPL")) == ["all"]
    waiting.join()
    link.close()
    assert answers[0].json["articles"][0]["title"] == f"{story.number}.0"
    assert answers[0].headers["Cache-Status"].startswith("dekr; fwd=miss; collapsed")


def read_context(world: World, tier: Tier) -> ReadContext:
    principal = Principal(f"reader-{tier}", tier, Role.USER, "")
    return ReadContext(world.services.limiter.rate_charge(principal, "news"), tier.policy, always(20))


def live(room: Newsroom, draw: random.Random, start_us: int, hours: int) -> None:
    """Some days of news: bursts and silences, late by up to two hours, changed and withdrawn until two hours old."""
    at_us = start_us - 20 * HOUR_US
    while at_us < start_us + hours * HOUR_US:
        at_us += int(draw.expovariate(1 / 9) * MINUTE_US) if draw.random() < 0.97 else 5 * HOUR_US
        published_us = at_us // MINUTE_US * MINUTE_US if draw.random() < 0.5 else at_us // 1_000_000 * 1_000_000
        last_us = published_us + news_feed.MAX_PUBLICATION_DELAY_US - 2_000_000
        named = draw.choices((*TICKERS, "X:BTCUSD"), (9, 5, 2, 2, 1, 1, 1), k=draw.choice((1, 1, 2, 3)))
        story = room.publish(
            published_us, *named, appears_us=draw.choice((published_us, draw.randint(published_us, last_us)))
        )
        while draw.random() < 0.2 and story.states[-1][0] < last_us:
            changed_us = draw.randint(story.states[-1][0], last_us)
            if draw.random() < 0.3:
                room.withdraw(story, changed_us)
                break
            room.change(story, changed_us, *draw.sample(TICKERS, draw.choice((1, 2))))


def is_page_of(page: list[Mapping[str, Any]], truth: list[Mapping[str, Any]]) -> bool:
    """Return whether this is a first page: ten articles, or fewer where there are no more, or where the tenth and the next
    are of one moment.
    """
    if page != truth[: len(page)]:
        return False
    times = [article["published_utc"] for article in truth[: LIST_SIZE + 1]]
    return len(page) == min(LIST_SIZE, len(truth)) or (bool(page) and len(set(times[len(page) :])) == 1)


def difference(page: list[Mapping[str, Any]], truth: list[Mapping[str, Any]]) -> str:
    lines = [[f"{each['title']} {each['published_utc']}" for each in articles] for articles in (page, truth[:12])]
    return f"{lines[0]} instead of {lines[1]}"


@pytest.mark.parametrize("seed", range(6))
def test_every_list_is_what_the_upstream_said_at_its_stamp(wire: Wire, seed: int) -> None:
    draw = random.Random(seed)
    wire.room.page_size = draw.choice((1_000, 40, 15))
    live(wire.room, draw, wire.now_us, hours=72)
    end_us = wire.now_us + 72 * HOUR_US
    outcomes: list[Outcome] = []
    while wire.now_us < end_us:
        wire.later(draw.expovariate(1 / 500) if draw.random() < 0.98 else 9 * 3_600)
        ticker, tier = draw.choice(TICKERS), Tier(draw.randint(1, 7))
        world = draw.choice(wire.worlds)
        context = read_context(world, tier)
        parameters = {"order": "desc", "sort": "published_utc", "limit": "10", "ticker": ticker}
        page = world.services.news.get(context, Ticker(ticker), parameters).get("results") or []
        assert context.now_us - context.stamp_us < tier.policy.news_s * 1_000_000
        read_us = min((at_us for at_us in wire.room.reads_us if at_us >= context.stamp_us), default=context.stamp_us)
        truths = [wire.room.read(at_us, ticker) for at_us in (context.stamp_us, read_us)]
        assert any(is_page_of(page, truth) for truth in truths), difference(page, truths[0])
        outcomes.append(context.outcome)
    assert Outcome.HIT in outcomes
    assert len([call for call in wire.calls if "ticker" not in call]) > len(wire.calls) / 4
