"""Answers of the last quote and last trade endpoints. Times are nanoseconds since the epoch."""

from typing import Final

from local.sandbox import always_on
from local.sandbox.parameters import Query
from local.sandbox.quotes import last_quote, last_trade
from local.sandbox.view import View
from local.sandbox.wire import Json, not_found, number

TAPE_DELAY_NS: Final = 350_000
"""The time that a quote or trade takes from its exchange to the consolidated tape, in nanoseconds."""

_START_NS: Final = 1_451_865_600 * 10**9


def nbbo(view: View, path: Query, _: Query) -> Json:
    """Answer ``/v2/last/nbbo/{t}``: lower-case p, s and x are the bid, upper-case P, S and X the ask.

    Raises Refusal (404) for a ticker without quotes.
    """
    ticker = path["ticker"]
    quote = (
        always_on.newest(view.seen_us)[0]
        if ticker == always_on.TICKER
        else last_quote(view.seed, view.require_listed(ticker), view.seen_us)
    )
    if quote is None:
        raise not_found()
    return view.envelope(
        results={
            "T": ticker,
            "P": number(quote.ask),
            "S": quote.ask_size,
            "X": 11,
            "c": [1],
            "i": [604],
            "p": number(quote.bid),
            "s": quote.bid_size,
            "x": 12,
            "q": sequence_number(quote.at_ns),
            "t": quote.at_ns,
            "y": quote.at_ns - TAPE_DELAY_NS,
            "z": 3,
        }
    )


def trade(view: View, path: Query, _: Query) -> Json:
    """Answer ``/v2/last/trade/{t}``. Raises Refusal (404) for a ticker without trades."""
    ticker = path["ticker"]
    last = (
        always_on.newest(view.seen_us)[1]
        if ticker == always_on.TICKER
        else last_trade(view.seed, view.require_listed(ticker), view.seen_us)
    )
    if last is None:
        raise not_found()
    return view.envelope(
        results={
            "T": ticker,
            "c": [12, 37],
            "f": last.at_ns - TAPE_DELAY_NS // 2,
            "i": trade_id(last.at_ns),
            "p": number(last.price),
            "q": sequence_number(last.at_ns),
            "r": 202,
            "s": last.size,
            "t": last.at_ns,
            "x": 4,
            "y": last.at_ns - TAPE_DELAY_NS,
            "z": 3,
        }
    )


def sequence_number(at_ns: int) -> int:
    """Return a sequence number: it grows through the day, with gaps, and starts again each day."""
    return (at_ns - _START_NS) // 10**6 % 86_400_000 + 1_000


def trade_id(at_ns: int) -> str:
    """Return the exchange's id of a trade."""
    return str(at_ns // 1000 % 10**9)
