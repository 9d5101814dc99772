"""The official client reads tickers, splits, and snapshots of a part of the market."""

from itertools import islice

from local.sandbox.universe import SPLITS, TICKER_COUNT, tickers
from tests.contract.sandbox.conftest import Running

TICKERS = "/v3/reference/tickers"


def test_all_tickers_over_pages(advanced: Running) -> None:
    found = list(advanced.official.list_tickers(market="stocks", active=True, limit=1_000))
    assert [row.ticker for row in found] == sorted(tickers())
    assert len(found) == TICKER_COUNT
    assert advanced.sandbox.calls[TICKERS] == 10
    assert all(row.name and row.type and row.primary_exchange and row.active for row in found)
    assert {row.type for row in found} == {"CS", "ETF", "ADRC", "PFD", "WARRANT"}


def test_a_hundred_are_usual(advanced: Running) -> None:
    answer = advanced.get(TICKERS)
    assert len(answer["results"]) == answer["count"] == 100
    assert "next_url" in answer


def test_one_ticker_is_found_by_its_name(advanced: Running) -> None:
    (apple,) = advanced.official.list_tickers("AAPL")
    assert (apple.ticker, apple.name, apple.type, apple.primary_exchange) == ("AAPL", "Apple Inc.", "CS", "XNAS")
    assert (apple.market, apple.locale, apple.currency_name, len(apple.cik)) == ("stocks", "us", "usd", 10)
    assert list(advanced.official.list_tickers("NOSUCH")) == []


def test_a_search_is_in_tickers_and_names_the_best_first(advanced: Running) -> None:
    found = [row.ticker for row in advanced.official.list_tickers(search="aapl")]
    assert found == ["AAPL"]
    assert [row.ticker for row in advanced.official.list_tickers(search="berkshire")] == ["BRK.A", "BRK.B"]
    answers = list(advanced.official.list_tickers(search="BA", limit=100))
    assert answers[0].ticker == "BA"
    begins = [row.ticker.startswith("BA") for row in answers]
    assert begins == sorted(begins, reverse=True)
    assert all("ba" in row.ticker.lower() or "ba" in row.name.lower() for row in answers)
    assert len({row.ticker for row in answers}) == len(answers) > 100


def test_filters_select_tickers(advanced: Running) -> None:
    official = advanced.official
    funds = list(official.list_tickers(type="ETF", exchange="ARCX", limit=1_000))
    assert {"SPY", "GLD"} <= {row.ticker for row in funds}
    assert {(row.type, row.primary_exchange) for row in funds} == {("ETF", "ARCX")}
    gone = list(official.list_tickers(active=False))
    assert len(gone) == 50
    assert all(row.delisted_utc and not row.active and row.ticker not in tickers() for row in gone)
    between = [row.ticker for row in official.list_tickers(ticker_gt="MSFT", ticker_lte="NVDA", limit=1_000)]
    assert "NVDA" in between
    assert all("MSFT" < ticker <= "NVDA" for ticker in between)
    assert len(between) == sum("MSFT" < ticker <= "NVDA" for ticker in tickers())
    assert advanced.get(TICKERS, market="crypto")["results"] == []


def test_tickers_come_in_the_requested_order(advanced: Running) -> None:
    last = [row.ticker for row in islice(advanced.official.list_tickers(order="desc", limit=30), 45)]
    assert last == sorted(tickers(), reverse=True)[:45]
    names = [row.name for row in advanced.official.list_tickers(sort="name", type="PFD", limit=200)]
    assert len(names) > 200
    assert names == sorted(names)


def test_splits_over_pages(advanced: Running) -> None:
    found = list(advanced.official.list_splits(limit=40))
    days = [split.execution_date for split in found]
    assert days == sorted(days, reverse=True)
    assert max(days) <= "2026-11-20"
    known = {split.ticker: (split.execution_date, split.split_from, split.split_to) for split in found}
    assert {ticker: known[ticker] for ticker in SPLITS} == {
        ticker: (day.isoformat(), 1, ratio) for ticker, (day, ratio) in SPLITS.items()
    }
    (apple,) = advanced.official.list_splits("AAPL")
    assert apple.split_to == 4
    year = advanced.official.list_splits(execution_date_gte="2020-01-01", execution_date_lt="2021-01-01")
    assert [split for split in found if split.execution_date[:4] == "2020"] == list(year)
    assert list(advanced.official.list_splits(reverse_split=True)) == []


def test_a_split_is_listed_when_its_day_has_come(advanced: Running) -> None:
    advanced.at("2020-08-30T12:00:00Z")
    assert list(advanced.official.list_splits("AAPL")) == []
    advanced.at("2020-08-31T12:00:00Z")
    assert len(list(advanced.official.list_splits("AAPL"))) == 1


def test_universal_snapshots_of_a_part_of_the_market(advanced: Running) -> None:
    bounds = {"ticker_gte": "ZT", "ticker_lt": "ZX"}
    expected = [ticker for ticker in sorted(tickers()) if "ZT" <= ticker < "ZX"]
    upwards = list(advanced.official.list_universal_snapshots("stocks", **bounds, limit=30))
    assert [item.ticker for item in upwards] == expected
    assert advanced.sandbox.calls["/v3/snapshot"] == -(-len(expected) // 30) > 1
    downwards = advanced.official.list_universal_snapshots(**bounds, limit=30, order="desc", sort="ticker")
    assert [item.ticker for item in downwards] == expected[::-1]
    assert all(item.name and item.session.close and item.last_quote.bid for item in upwards)
    assert list(advanced.official.list_universal_snapshots("crypto")) == []
