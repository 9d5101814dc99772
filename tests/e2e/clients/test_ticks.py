"""Quotes and trades through the vendor's clients."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.clients.conftest import Host

NANOSECONDS = 10**9
FROM = int(datetime(2025, 11, 19, 15, 0, tzinfo=UTC).timestamp()) * NANOSECONDS
UNTIL = FROM + 300 * NANOSECONDS
WINDOW = {"timestamp_gte": FROM, "timestamp_lt": UNTIL}
LISTS = pytest.mark.parametrize("kind", ["list_quotes", "list_trades"])


def test_last_quote(client: Any) -> None:
    quote = client.get_last_quote("BRK.B")

    assert quote.ticker == "BRK.B"
    assert 0 < quote.bid_price < quote.ask_price
    assert quote.bid_size > 0 < quote.ask_size
    assert _is_recent(quote.sip_timestamp)


@pytest.mark.usefixtures("clean_slate")
def test_last_quote_that_was_requested_by_itself_is_whole(client: Any) -> None:
    quote = client.get_last_quote("BRK.B")

    assert 0 < quote.participant_timestamp <= quote.sip_timestamp
    assert quote.sequence_number > 0
    assert quote.bid_exchange and quote.ask_exchange and quote.tape


def test_last_trade(client: Any) -> None:
    trade = client.get_last_trade("AAPL")

    assert trade.ticker == "AAPL"
    assert trade.price > 0 < trade.size
    assert _is_recent(trade.sip_timestamp)


@LISTS
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_to_the_end_are_the_whole(client: Any, kind: str, order: str) -> None:
    call = getattr(client, kind)

    whole = list(call("AAPL", **WINDOW, order=order, sort="timestamp", limit=50_000))
    paged = list(call("AAPL", **WINDOW, order=order, sort="timestamp", limit=len(whole) // 3))

    times = [tick.sip_timestamp for tick in paged]
    assert len(whole) > 8
    assert paged == whole
    assert times == sorted(times, reverse=order == "desc")
    assert all(FROM <= time < UNTIL for time in times)


def test_quotes_have_their_bid_below_the_ask(client: Any) -> None:
    quotes = list(client.list_quotes("AAPL", **WINDOW))

    assert all(0 < quote.bid_price < quote.ask_price for quote in quotes)
    assert len({quote.sequence_number for quote in quotes}) == len(quotes)


def test_trades_have_a_price_and_a_size(client: Any) -> None:
    trades = list(client.list_trades("AAPL", **WINDOW))

    assert all(trade.price > 0 < trade.size and trade.exchange for trade in trades)


@LISTS
def test_a_day_by_its_name_begins_with_its_newest(client: Any, kind: str) -> None:
    newest = list(islice(getattr(client, kind)("AAPL", timestamp="2025-11-19", limit=10), 25))

    times = [tick.sip_timestamp for tick in newest]
    assert len(times) == 25
    assert times == sorted(times, reverse=True)
    assert {datetime.fromtimestamp(time // NANOSECONDS, UTC).strftime("%F") for time in times} <= {
        "2025-11-19",
        "2025-11-20",
    }


@LISTS
def test_next_page_is_on_the_same_host(client: Any, host: Host, kind: str) -> None:
    page = getattr(client, kind)("AAPL", **WINDOW, limit=3, raw=True).json()

    assert len(page["results"]) == 3
    assert urlsplit(page["next_url"])[:2] == urlsplit(host.url)[:2]
    assert host.key not in page["next_url"]
    assert page["results"][-1]["sip_timestamp"] > host.follow(page["next_url"])["results"][0]["sip_timestamp"]


def _is_recent(time_ns: int) -> bool:
    """Within the longest time without trading, which is less than a week."""
    age = datetime.now(UTC).timestamp() - time_ns / NANOSECONDS
    return -60 < age < 7 * 86_400
