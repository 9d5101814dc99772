"""News, the market's status and tickers through the vendor's clients."""

from collections import Counter
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.clients.conftest import Host

WEEK = {"published_utc_gte": "2025-11-17", "published_utc_lt": "2025-11-22"}


def test_news_over_pages_to_the_end(client: Any) -> None:
    whole = list(client.list_ticker_news("AAPL", **WEEK, limit=1000))
    paged = list(client.list_ticker_news("AAPL", **WEEK, limit=3))

    times = [datetime.fromisoformat(article.published_utc) for article in whole]
    assert len(whole) > 6
    assert paged == whole
    assert times == sorted(times, reverse=True)
    assert all("AAPL" in article.tickers for article in whole)
    assert max(Counter(article.id for article in whole).values()) == 1


def test_sentiment_is_there_for_some_articles_and_never_invented(client: Any) -> None:
    insights = [article.insights for article in client.list_ticker_news("AAPL", **WEEK, limit=1000)]

    given = [insight for each in insights if each for insight in each]
    assert {insight.sentiment for insight in given} <= {"positive", "neutral", "negative"}
    assert given
    assert not all(insights)


def test_next_page_of_news_is_on_the_same_host(client: Any, host: Host) -> None:
    page = client.list_ticker_news("AAPL", **WEEK, limit=3, raw=True).json()

    assert page["count"] == 3
    assert urlsplit(page["next_url"])[:2] == urlsplit(host.url)[:2]
    following = host.follow(page["next_url"])
    assert not {each["id"] for each in following["results"]} & {each["id"] for each in page["results"]}


def test_status_of_the_market(client: Any) -> None:
    found = client.get_market_status()

    assert found.market in {"open", "extended-hours", "closed"}
    assert found.exchanges.nyse in {"open", "extended-hours", "closed"}
    assert datetime.fromisoformat(found.server_time).utcoffset() is not None


def test_holidays_to_come(client: Any) -> None:
    holidays = client.get_market_holidays()

    days = [date.fromisoformat(each.date) for each in holidays if each.exchange == "NYSE"]
    assert days == sorted(days)
    assert all(each.status in {"closed", "early-close"} for each in holidays)
    assert all(each.open < each.close for each in holidays if each.status == "early-close")


def test_tickers_over_pages_to_the_end(client: Any) -> None:
    whole = list(client.list_tickers(ticker_gte="A", ticker_lt="BC", market="stocks", limit=1000))
    paged = list(client.list_tickers(ticker_gte="A", ticker_lt="BC", market="stocks", limit=len(whole) // 3))

    names = [each.ticker for each in whole]
    assert {"AAPL", "AMD", "BA", "BAC"} <= set(names)
    assert names == sorted(set(names))
    assert paged == whole


def test_tickers_by_what_they_are_called(client: Any) -> None:
    (apple,) = client.list_tickers("AAPL")
    found = [each.ticker for each in client.list_tickers(search=apple.name, limit=10)]

    assert (apple.ticker, apple.market, apple.active) == ("AAPL", "stocks", True)
    assert "AAPL" in found
