"""Answers of the snapshot endpoints, v2 and v3."""

from datetime import date
from typing import Final

from dekr import sessions
from dekr.sessions import Session
from local.sandbox import paging, parameters
from local.sandbox.last import trade_id
from local.sandbox.listing import listing
from local.sandbox.market import Standing, day_span, standing
from local.sandbox.parameters import Query
from local.sandbox.plans import Data
from local.sandbox.quotes import newest
from local.sandbox.span import Span
from local.sandbox.trading_days import MINUTE_US, before, newest_begun
from local.sandbox.universe import ranks, tickers
from local.sandbox.view import View
from local.sandbox.wire import Json, bad_request, bar, no_bar, not_found, number

USUAL: Final = 10
MOST: Final = 250
CLEARED_US: Final = 210 * MINUTE_US
"""A v2 snapshot forgets the day before at 03:30 in New York."""

_TYPES: Final = ("stocks", "options", "crypto", "fx", "indices")
_DAY: Final = ("o", "h", "l", "c", "v", "vw")
_MARKET_STATUS: Final = {
    Session.PRE: "early_trading",
    Session.REGULAR: "open",
    Session.POST: "late_trading",
    Session.CLOSED: "closed",
}


def one(view: View, path: Query, _: Query) -> Json:
    """``/v2/snapshot/locale/us/markets/stocks/tickers/{t}``."""
    return view.envelope(ticker=_ticker(view, view.listed(path["ticker"]), _day(view)))


def several(view: View, _: Query, query: Query) -> Json:
    """``/v2/snapshot/locale/us/markets/stocks/tickers[?tickers=A,B]``: the listed ones of these, or the whole market."""
    asked = dict.fromkeys(query["tickers"].split(",")) if query.get("tickers") else tickers()
    day = _day(view)
    found = [_ticker(view, ticker, day) for ticker in asked if ticker in ranks()]
    return view.envelope(count=len(found), tickers=found)


def universal(view: View, _: Query, query: Query) -> Json:
    """``/v3/snapshot``: of ``ticker.any_of=A,B``, else of the whole market, in the order of tickers.

    What is named and not listed is an item with an error.
    """
    one, several_of = query.get("ticker"), query.get("ticker.any_of")
    words = several_of.split(",") if several_of else [one] if one else []
    if len(words) > MOST:
        raise bad_request(f"The parameter 'ticker.any_of' can have {MOST} tickers at most")
    limit, newest_first = parameters.limit(query, USUAL, MOST), parameters.descending(query, "asc")
    parameters.one_of(query, "sort", {"ticker"}, "ticker")
    if parameters.one_of(query, "type", _TYPES, "stocks") != "stocks":
        return view.envelope(results=[])
    wanted, after = parameters.tickers_between(query), paging.marker(query)
    left = [ticker for ticker in sorted(set(words or tickers()), reverse=newest_first) if wanted(ticker)]
    if after is not None:
        left = [ticker for ticker in left if (ticker < after if newest_first else ticker > after)]
    answer = view.envelope(results=[_item(view, ticker) for ticker in left[:limit]])
    return answer | paging.next_url(view, "/v3/snapshot", query, left[limit - 1]) if len(left) > limit else answer


def _day(view: View) -> date:
    """The day that v2 snapshots are of."""
    return sessions.eastern_date(view.seen_us - CLEARED_US)


def _ticker(view: View, ticker: str, day: date) -> Json:
    latest = newest(view.seed, ticker, view.seen_us)
    if latest is None:
        raise not_found()
    quote, trade = latest
    stands, previous = standing(view.seed, ticker, day, view.seen_us), _close_before(view, ticker, day)
    change, percent = _change(stands, previous)
    found: Json = {
        "ticker": ticker,
        "todaysChange": change,
        "todaysChangePerc": percent,
        "updated": 0,
        "day": bar(stands.day, _DAY) if stands else no_bar(_DAY),
        "min": _minute(day, stands),
        "prevDay": bar(previous, _DAY) if previous else no_bar(_DAY),
    }
    if stands is not None:
        found["updated"] = max(quote.at_ns, trade.at_ns) if Data.QUOTES in view.plan.includes else trade.at_ns
    if Data.QUOTES in view.plan.includes:
        sides = {"P": number(quote.ask), "S": quote.ask_size, "p": number(quote.bid), "s": quote.bid_size}
        found["lastQuote"] = sides | {"t": quote.at_ns}
        print_of = {"c": [12, 37], "i": trade_id(trade.at_ns), "p": number(trade.price), "s": trade.size}
        found["lastTrade"] = print_of | {"t": trade.at_ns, "x": 4}
    return found


def _minute(day: date, stands: Standing | None) -> Json:
    if stands is None:
        return no_bar(("av", "t", "n", *_DAY))
    minute, span = stands.minute
    accumulated = {"av": stands.day.volume, "t": _minute_ms(day, minute)}
    return accumulated | bar(span, ("n", *_DAY))


def _item(view: View, ticker: str) -> Json:
    if ticker not in ranks():
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    day = newest_begun(view.seen_us).date
    stands = standing(view.seed, ticker, day, view.seen_us)
    if stands is None:
        day = before(day).date
        stands = standing(view.seed, ticker, day, view.seen_us)
    latest = newest(view.seed, ticker, view.seen_us)
    if stands is None or latest is None:
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    quote, trade = latest
    previous = _close_before(view, ticker, day)
    change, percent = _change(stands, previous)
    minute, span = stands.minute
    found: Json = {
        "ticker": ticker,
        "type": "stocks",
        "name": listing(view.seed, ticker).name,
        "market_status": _MARKET_STATUS[view.session],
        "session": {
            "price": number(trade.price),
            "change": change,
            "change_percent": percent,
            **_named(stands.day),
            "previous_close": number(previous.close) if previous else 0,
            "last_updated": trade.at_ns,
        },
        "last_minute": {
            **_named(span),
            "transactions": span.trades,
            "last_updated": _minute_ms(day, minute) * 1_000_000,
        },
    }
    if Data.QUOTES in view.plan.includes:
        found["last_quote"] = {
            "ask": number(quote.ask),
            "ask_size": quote.ask_size,
            "ask_exchange": 11,
            "bid": number(quote.bid),
            "bid_size": quote.bid_size,
            "bid_exchange": 12,
            "last_updated": quote.at_ns,
            "timeframe": "REAL-TIME",
        }
        found["last_trade"] = {
            "conditions": [12, 37],
            "exchange": 4,
            "id": trade_id(trade.at_ns),
            "price": number(trade.price),
            "size": trade.size,
            "sip_timestamp": trade.at_ns,
            "participant_timestamp": trade.at_ns,
            "last_updated": trade.at_ns,
            "timeframe": "REAL-TIME",
        }
    return found


def _named(span: Span) -> Json:
    """A bar with v3's names."""
    fields = bar(span)
    return {
        "open": fields["o"],
        "high": fields["h"],
        "low": fields["l"],
        "close": fields["c"],
        "volume": fields["v"],
        "vwap": fields["vw"],
    }


def _close_before(view: View, ticker: str, day: date) -> Span | None:
    """The trading of the trading day before, in today's shares."""
    previous = before(day).date
    span = day_span(view.seed, ticker, previous, view.seen_us)
    return span.scaled(view.ratio(ticker, previous, adjusted=True)) if span else None


def _change(stands: Standing | None, previous: Span | None) -> tuple[float, float]:
    """The change since the previous close, in dollars and percent; none before the day's first trade."""
    if stands is None or previous is None:
        return 0, 0
    change = stands.day.close - previous.close
    return number(change), round(100 * change / previous.close, 4)


def _minute_ms(day: date, minute: int) -> int:
    return (sessions.eastern_midnight_us(day) + minute * MINUTE_US) // 1000
