"""Answers of the last quote and the last trade. Times are ns."""

from typing import Final

from local.sandbox.parameters import Query
from local.sandbox.quotes import last_quote, last_trade
from local.sandbox.view import View
from local.sandbox.wire import Json, not_found, number

TO_THE_TAPE_NS: Final = 350_000
"""How long a quote or trade takes from its exchange to the consolidated tape."""

_START_NS: Final = 1_451_865_600 * 10**9


def nbbo(view: View, path: Query, _: Query) -> Json:
    """``/v2/last/nbbo/{t}``: lower-case p, s and x are the bid, upper-case P, S and X the ask."""
    ticker = view.listed(path["ticker"])
    quote = last_quote(view.seed, ticker, view.seen_us)
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
            "q": sequence(quote.at_ns),
            "t": quote.at_ns,
            "y": quote.at_ns - TO_THE_TAPE_NS,
            "z": 3,
        }
    )


def trade(view: View, path: Query, _: Query) -> Json:
    """``/v2/last/trade/{t}``."""
    ticker = view.listed(path["ticker"])
    found = last_trade(view.seed, ticker, view.seen_us)
    if found is None:
        raise not_found()
    return view.envelope(
        results={
            "T": ticker,
            "c": [12, 37],
            "f": found.at_ns - TO_THE_TAPE_NS // 2,
            "i": trade_id(found.at_ns),
            "p": number(found.price),
            "q": sequence(found.at_ns),
            "r": 202,
            "s": found.size,
            "t": found.at_ns,
            "x": 4,
            "y": found.at_ns - TO_THE_TAPE_NS,
            "z": 3,
        }
    )


def sequence(at_ns: int) -> int:
    """A number that grows through the day, with gaps, and starts anew each day."""
    return (at_ns - _START_NS) // 10**6 % 86_400_000 + 1_000


def trade_id(at_ns: int) -> str:
    """The exchange's name for a trade."""
    return str(at_ns // 1000 % 10**9)
