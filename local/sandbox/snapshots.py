"""Answers of the snapshot endpoints, v2 and v3."""

from datetime import date, timedelta
from typing import Final

from dekr import sessions
from dekr.sessions import Session
from local.sandbox import always_on, paging, parameters
from local.sandbox.last import trade_id
from local.sandbox.listing import listing
from local.sandbox.market import DayProgress, day_progress, day_span
from local.sandbox.parameters import Query
from local.sandbox.plans import Data
from local.sandbox.quotes import Quote, Trade, newest_quote_and_trade
from local.sandbox.span import Span
from local.sandbox.trading_days import MINUTE_US, before, newest_begun
from local.sandbox.universe import ranks, tickers
from local.sandbox.view import View
from local.sandbox.wire import Json, bad_request, bar, no_bar, not_found, number

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 250
CLEARED_US: Final = 210 * MINUTE_US
"""A v2 snapshot drops the previous day at 03:30 in New York; this is 03:30 as microseconds after midnight."""

_TYPES: Final = ("stocks", "options", "crypto", "fx", "indices")
_DAY: Final = ("o", "h", "l", "c", "v", "vw")
_MARKET_STATUS: Final = {
    Session.PRE: "early_trading",
    Session.REGULAR: "open",
    Session.POST: "late_trading",
    Session.CLOSED: "closed",
}


def one(view: View, path: Query, _: Query) -> Json:
    """Answer ``/v2/snapshot/locale/us/markets/stocks/tickers/{t}``. Raises Refusal (404) for an unlisted ticker."""
    return view.envelope(ticker=_ticker(view, _known(view, path["ticker"]), _day(view)))


def several(view: View, _: Query, query: Query) -> Json:
    """Answer ``/v2/snapshot/locale/us/markets/stocks/tickers``: the listed ones of ``tickers=A,B``, or the whole market."""
    requested = dict.fromkeys(parameters.listed(query["tickers"])) if "tickers" in query else tickers()
    day = _day(view)
    snapshots = [_ticker(view, ticker, day) for ticker in requested if _is_known(ticker)]
    return view.envelope(count=len(snapshots), tickers=snapshots)


def universal(view: View, _: Query, query: Query) -> Json:
    """Answer ``/v3/snapshot``: the tickers of ``ticker.any_of=A,B``, or the whole market, in order of the ticker.

    A requested ticker that is not listed is an item with an error. Raises Refusal (400) for a malformed parameter.
    """
    single, any_of = query.get("ticker"), query.get("ticker.any_of")
    requested = parameters.listed(any_of) if any_of else [single] if single else []
    if len(requested) > MAX_LIMIT:
        raise bad_request(f"The parameter 'ticker.any_of' can have {MAX_LIMIT} tickers at most")
    limit, newest_first = parameters.limit(query, DEFAULT_LIMIT, MAX_LIMIT), parameters.descending(query, "asc")
    parameters.choice(query, "sort", {"ticker"}, "ticker")
    if parameters.choice(query, "type", _TYPES, "stocks") != "stocks":
        return view.envelope(results=[])
    matches, after = parameters.tickers_between(query), paging.marker(query)
    remaining = [ticker for ticker in sorted(set(requested or tickers()), reverse=newest_first) if matches(ticker)]
    if after is not None:
        remaining = [ticker for ticker in remaining if (ticker < after if newest_first else ticker > after)]
    answer = view.envelope(results=[_item(view, ticker) for ticker in remaining[:limit]])
    return (
        answer | paging.next_url(view, "/v3/snapshot", query, remaining[limit - 1])
        if len(remaining) > limit
        else answer
    )


def _day(view: View) -> date:
    """Return the day that v2 snapshots show."""
    return sessions.eastern_date(view.seen_us - CLEARED_US)


def _ticker(view: View, ticker: str, day: date) -> Json:
    latest = _latest(view, ticker)
    if latest is None:
        raise not_found()
    quote, trade = latest
    progress, previous = _progress(view, ticker, day), _previous_trading(view, ticker, day)
    change, percent = _change(progress, previous)
    snapshot: Json = {
        "ticker": ticker,
        "todaysChange": change,
        "todaysChangePerc": percent,
        "updated": 0,
        "day": bar(progress.day, _DAY) if progress else no_bar(_DAY),
        "min": _minute(day, progress),
        "prevDay": bar(previous, _DAY) if previous else no_bar(_DAY),
    }
    if progress is not None:
        snapshot["updated"] = max(quote.at_ns, trade.at_ns) if Data.QUOTES in view.plan.includes else trade.at_ns
    if Data.QUOTES in view.plan.includes:
        sides = {"P": number(quote.ask), "S": quote.ask_size, "p": number(quote.bid), "s": quote.bid_size}
        snapshot["lastQuote"] = sides | {"t": quote.at_ns}
        last_trade = {"c": [12, 37], "i": trade_id(trade.at_ns), "p": number(trade.price), "s": trade.size}
        snapshot["lastTrade"] = last_trade | {"t": trade.at_ns, "x": 4}
    return snapshot


def _minute(day: date, progress: DayProgress | None) -> Json:
    if progress is None:
        return no_bar(("av", "t", "n", *_DAY))
    minute, span = progress.minute
    accumulated = {"av": progress.day.volume, "t": _minute_ms(day, minute)}
    return accumulated | bar(span, ("n", *_DAY))


def _item(view: View, ticker: str) -> Json:
    if not _is_known(ticker):
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    day = view.today if ticker == always_on.TICKER else newest_begun(view.seen_us).date
    progress = _progress(view, ticker, day)
    if progress is None:
        day = _day_before(ticker, day)
        progress = _progress(view, ticker, day)
    latest = _latest(view, ticker)
    if progress is None or latest is None:
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    quote, trade = latest
    previous = _previous_trading(view, ticker, day)
    change, percent = _change(progress, previous)
    minute, span = progress.minute
    item: Json = {
        "ticker": ticker,
        "type": "stocks",
        "name": "Test" if ticker == always_on.TICKER else listing(view.seed, ticker).name,
        "market_status": _MARKET_STATUS[view.session],
        "session": {
            "price": number(trade.price),
            "change": change,
            "change_percent": percent,
            **_named_bar(progress.day),
            "previous_close": number(previous.close) if previous else 0,
            "last_updated": trade.at_ns,
        },
        "last_minute": {
            **_named_bar(span),
            "transactions": span.trades,
            "last_updated": _minute_ms(day, minute) * 1_000_000,
        },
    }
    if Data.QUOTES in view.plan.includes:
        item["last_quote"] = {
            "ask": number(quote.ask),
            "ask_size": quote.ask_size,
            "ask_exchange": 11,
            "bid": number(quote.bid),
            "bid_size": quote.bid_size,
            "bid_exchange": 12,
            "last_updated": quote.at_ns,
            "timeframe": "REAL-TIME",
        }
        item["last_trade"] = {
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
    return item


def _is_known(ticker: str) -> bool:
    return ticker in ranks() or ticker == always_on.TICKER


def _known(view: View, ticker: str) -> str:
    """Return the ticker. Raises Refusal (404) if there is none of this name."""
    return ticker if ticker == always_on.TICKER else view.require_listed(ticker)


def _latest(view: View, ticker: str) -> tuple[Quote, Trade] | None:
    """Return the newest quote and trade, or None before the first day of trading."""
    if ticker == always_on.TICKER:
        return always_on.newest(view.seen_us)
    return newest_quote_and_trade(view.seed, ticker, view.seen_us)


def _progress(view: View, ticker: str, day: date) -> DayProgress | None:
    """Return a day's trading so far, or None if there is none."""
    if ticker == always_on.TICKER:
        return always_on.day_progress(day, view.seen_us)
    return day_progress(view.seed, ticker, day, view.seen_us)


def _day_before(ticker: str, day: date) -> date:
    """Return the last day before this one on which the ticker trades."""
    return day - timedelta(days=1) if ticker == always_on.TICKER else before(day).date


def _named_bar(span: Span) -> Json:
    """Return a bar with the field names of v3."""
    fields = bar(span)
    return {
        "open": fields["o"],
        "high": fields["h"],
        "low": fields["l"],
        "close": fields["c"],
        "volume": fields["v"],
        "vwap": fields["vw"],
    }


def _previous_trading(view: View, ticker: str, day: date) -> Span | None:
    """Return the trading of the trading day before ``day``, in today's shares, or None if there is none."""
    previous = _day_before(ticker, day)
    if ticker == always_on.TICKER:
        return always_on.day_span(previous, view.seen_us)
    span = day_span(view.seed, ticker, previous, view.seen_us)
    return span.scaled(view.ratio(ticker, previous, adjusted=True)) if span else None


def _change(progress: DayProgress | None, previous: Span | None) -> tuple[float, float]:
    """Return the change since the previous close, in dollars and percent; zeros before the day's first trade."""
    if progress is None or previous is None:
        return 0, 0
    change = progress.day.close - previous.close
    return number(change), round(100 * change / previous.close, 4)


def _minute_ms(day: date, minute: int) -> int:
    return (sessions.eastern_midnight_us(day) + minute * MINUTE_US) // 1000
