"""News are handed out by calls for one ticker and by calls for all tickers."""

from typing import Any

from chaos.news_handouts import PATH, NewsHandouts, news_value

NOON, LATER = "Fri, 20 Nov 2026 17:00:00 GMT", "Fri, 20 Nov 2026 17:10:00 GMT"
OF_AAPL = f"{PATH}?limit=10&order=desc&sort=published_utc&ticker=AAPL"


def article(name: str, time: str, *tickers: str) -> dict[str, Any]:
    return {"id": name, "published_utc": f"2026-11-20T{time}Z", "tickers": list(tickers)}


OLD = [article(f"{n}", f"1{n}:00:00", "AAPL") for n in range(6, 0, -1)]


def since(time: str) -> str:
    return f"{PATH}?limit=1000&order=desc&published_utc.gte=2026-11-20T{time}Z"


def recorded(stand: NewsHandouts, path: str, at: str, *articles: dict[str, Any], **more: str) -> list[Any]:
    return list(stand.record(path, at, {"results": list(articles), **more}))


def test_a_tickers_own_list() -> None:
    assert recorded(NewsHandouts(), OF_AAPL, NOON, *OLD) == [news_value("AAPL", ["6", "5", "4", "3", "2"])]
    assert recorded(NewsHandouts(), OF_AAPL, NOON) == []


def test_a_call_for_all_hands_out_the_lists_that_it_names_and_those_that_it_does_not() -> None:
    stand = NewsHandouts()
    recorded(stand, OF_AAPL, NOON, *OLD)
    recorded(stand, f"{PATH}?ticker=KO", NOON, article("k", "10:00:00", "KO"))
    new = article("7", "17:05:00", "AAPL", "MSFT")
    assert recorded(stand, since("16:30:00"), LATER, new) == [
        news_value("AAPL", ["7", "6", "5", "4", "3"]),
        news_value("KO", ["k"]),
    ]


def test_a_call_that_does_not_reach_back_to_a_list_says_nothing_of_it() -> None:
    stand = NewsHandouts()
    recorded(stand, OF_AAPL, NOON, *OLD)
    assert recorded(stand, since("17:01:00"), LATER, article("7", "17:05:00", "AAPL")) == []


def test_a_page_that_is_not_the_last_reaches_back_to_its_end() -> None:
    stand = NewsHandouts()
    recorded(stand, OF_AAPL, NOON, *OLD)
    page = (article("8", "17:06:00", "KO"), article("7", "17:05:00", "AAPL"))
    assert recorded(stand, since("16:30:00"), LATER, *page, next_url="more") == []


def test_a_shorter_list_is_right_only_where_it_is_not_cut_within_a_moment() -> None:
    same = [article(name, "12:00:00", "AAPL") for name in "xyz"]
    assert recorded(NewsHandouts(), OF_AAPL, NOON, *OLD[:4], *same) == [
        news_value("AAPL", ["6", "5", "4", "3", "x"]),
        news_value("AAPL", ["6", "5", "4", "3"]),
    ]
