"""A value has the same fingerprint in the upstream's answer and in the service's."""

import json
from typing import Any

from chaos import handouts
from chaos.history import Value
from chaos.news_handouts import news_value

NS = 1_795_186_799_537_719_720
TIME = "2026-11-20T14:59:59.53771972Z"
QUOTE = Value("quote", "AAPL", f"{NS} 32.15 32.16")
TRADE = Value("trade", "AAPL", f"{NS} 32.15 49")
LAST_QUOTE = {"T": "AAPL", "p": 32.15, "P": 32.16, "t": NS}
LAST_TRADE = {"T": "AAPL", "p": 32.15, "s": 49, "t": NS}
MARKET = "/v2/snapshot/locale/us/markets/stocks/tickers"


def handed_out(path: str, body: Any) -> list[Value]:
    return list(handouts.from_upstream(path, json.dumps(body).encode()))


def test_quotes_and_trades_match_the_services_answers() -> None:
    assert handed_out("/v2/last/nbbo/AAPL", {"results": LAST_QUOTE}) == [QUOTE]
    assert handed_out("/v2/last/trade/AAPL", {"results": LAST_TRADE}) == [TRADE]
    quote = {"symbol": "AAPL", "bid": 32.15, "ask": 32.16, "timestamp": TIME}
    trade = {"symbol": "AAPL", "price": 32.15, "size": 49, "timestamp": TIME}
    assert handouts.from_answer("quote", ("AAPL",), quote) == ((QUOTE,), ())
    assert handouts.from_answer("nbbo", ("AAPL",), {"results": LAST_QUOTE}) == ((QUOTE,), ())
    assert handouts.from_answer("trade", ("AAPL",), trade) == ((TRADE,), ())
    unknown = {"symbol": "ZZZZA", "error": {"code": "unknown_symbol"}}
    assert handouts.from_answer("batch", ("AAPL", "ZZZZA"), {"AAPL": quote, "ZZZZA": unknown}) == ((QUOTE,), ("ZZZZA",))


def test_snapshots_hand_out_both() -> None:
    ticker = {"ticker": "AAPL", "lastQuote": LAST_QUOTE, "lastTrade": LAST_TRADE}
    assert handed_out(MARKET, {"tickers": [ticker]}) == [QUOTE, TRADE]
    assert handed_out(f"{MARKET}/AAPL", {"ticker": ticker}) == [QUOTE, TRADE]
    item = {
        "ticker": "AAPL",
        "last_quote": {"last_updated": NS, "bid": 32.15, "ask": 32.16},
        "last_trade": {"sip_timestamp": NS, "price": 32.15, "size": 49},
    }
    missing = {"ticker": "ZZZZA", "error": "NOT_FOUND"}
    assert handed_out("/v3/snapshot?ticker.any_of=AAPL,ZZZZA", {"results": [item, missing]}) == [QUOTE, TRADE]


def test_bars_match_the_services_answers() -> None:
    (found,) = handed_out(
        "/v2/aggs/ticker/AAPL/range/1/minute/1/2", {"ticker": "AAPL", "results": [{"t": 60_000, "c": 3, "v": 9}]}
    )
    answered, _ = handouts.from_answer(
        "bars", ("AAPL",), [{"timestamp": "1970-01-01T00:01:00Z", "close": 3, "volume": 9}]
    )
    assert answered == (found,)


def test_no_bars_at_all_deny_the_ticker() -> None:
    assert handouts.from_answer("bars", ("ZZZZA",), []) == ((), ("ZZZZA",))


def test_news_match_whatever_the_order_of_articles() -> None:
    body = {"articles": [{"id": "bbbbbbbb2"}, {"id": "aaaaaaaa1"}]}
    assert handouts.from_answer("news", ("AAPL",), body) == ((news_value("AAPL", ["aaaaaaaa1", "bbbbbbbb2"]),), ())
    assert handouts.from_answer("news", ("ZZZZA",), {"articles": []}) == ((), ())
