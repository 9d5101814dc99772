"""The shapes of the latest quote and trade, and of what takes the place of a failed one in a batch."""

from dekr.models.common import Moment, Number, Shape, Symbol


class Quote(Shape):
    """The best bid and the best ask of a symbol. Prices and sizes are the data provider's own, never rounded.

    Where there are no quotes, ``bid`` and ``ask`` are both the last known price, the sizes are null, and the X-Data-Source header
    names the source of that price.
    """

    symbol: Symbol
    bid: Number | None
    ask: Number | None
    bid_size: Number | None
    ask_size: Number | None
    timestamp: Moment


class Trade(Shape):
    """The last trade of a symbol. ``exchange`` and ``conditions`` are the data provider's codes.

    Where there are no trades, ``price`` is the last known price, ``size``, ``exchange``, ``id`` and ``conditions`` are null, and
    the X-Data-Source header names the source of that price.
    """

    symbol: Symbol
    price: Number
    size: Number | None
    exchange: int | None
    id: str | None
    conditions: list[int] | None
    timestamp: Moment


class ItemError(Shape):
    """The reason why one symbol of a batch has no answer. ``code`` is for programs, ``detail`` for people."""

    code: str
    detail: str


class FailedSymbol(Shape):
    """Takes the place of the answer for a symbol of a batch that failed."""

    symbol: str
    error: ItemError
