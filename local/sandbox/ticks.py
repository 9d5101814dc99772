"""Answers of the quotes and trades endpoints. Times are nanoseconds; a ticker that is not listed has no quotes or trades."""

from collections.abc import Callable, Iterator
from typing import Final

from local.sandbox import always_on, bounds, paging, parameters, tape
from local.sandbox.last import TAPE_DELAY_NS, sequence_number, trade_id
from local.sandbox.parameters import Query
from local.sandbox.quotes import Quote, Trade
from local.sandbox.universe import ranks
from local.sandbox.view import View
from local.sandbox.wire import Json, number

DEFAULT_LIMIT: Final = 1_000
MAX_LIMIT: Final = 50_000

type Tape[T: (Quote, Trade)] = Callable[..., Iterator[T]]


def quotes(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v3/quotes/{t}``: newest first, unless ``order`` is asc. Raises Refusal (400) for a malformed parameter."""
    return _answer(view, "/v3/quotes/", path["ticker"], query, (tape.quotes, always_on.quotes), _quote)


def trades(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v3/trades/{t}``: newest first, unless ``order`` is asc. Raises Refusal (400) for a malformed parameter."""
    return _answer(view, "/v3/trades/", path["ticker"], query, (tape.trades, always_on.trades), _trade)


def _answer[T: (Quote, Trade)](
    view: View, path: str, ticker: str, query: Query, tapes: tuple[Tape[T], Tape[T]], as_json: Callable[[T], Json]
) -> Json:
    """Answer from the first of the tapes for a listed ticker, and from the second for the one that always trades."""
    first_ns, last_ns = bounds.between(query, "timestamp", bounds.in_ns)
    newest_first, limit = parameters.descending(query), parameters.limit(query, DEFAULT_LIMIT, MAX_LIMIT)
    parameters.choice(query, "sort", {"timestamp"}, "timestamp")
    marker = paging.numeric_marker(query)
    if marker is not None:
        first_ns, last_ns = (
            (first_ns, min(last_ns, marker - 1)) if newest_first else (max(first_ns, marker + 1), last_ns)
        )
    items: Iterator[T] = iter(())
    if ticker == always_on.TICKER:
        items = tapes[1](first_ns, last_ns, view.seen_us, newest_first=newest_first)
    elif ticker in ranks():
        items = tapes[0](view.seed, ticker, first_ns, last_ns, view.seen_us, newest_first=newest_first)
    page, more = paging.page(items, limit)
    answer = view.envelope(results=[as_json(item) for item in page])
    return answer | paging.next_url(view, path + ticker, query, page[-1].at_ns) if more else answer


def _quote(quote: Quote) -> Json:
    return {
        "ask_exchange": 11,
        "ask_price": number(quote.ask),
        "ask_size": quote.ask_size,
        "bid_exchange": 12,
        "bid_price": number(quote.bid),
        "bid_size": quote.bid_size,
        "conditions": [1],
        "indicators": [604],
        "participant_timestamp": quote.at_ns - TAPE_DELAY_NS,
        "sequence_number": sequence_number(quote.at_ns),
        "sip_timestamp": quote.at_ns,
        "tape": 3,
    }


def _trade(trade: Trade) -> Json:
    return {
        "conditions": [12, 37],
        "exchange": 4,
        "id": trade_id(trade.at_ns),
        "participant_timestamp": trade.at_ns - TAPE_DELAY_NS,
        "price": number(trade.price),
        "sequence_number": sequence_number(trade.at_ns),
        "sip_timestamp": trade.at_ns,
        "size": trade.size,
        "tape": 3,
        "trf_id": 202,
        "trf_timestamp": trade.at_ns - TAPE_DELAY_NS // 2,
    }
