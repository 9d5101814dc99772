"""The shape of a bar."""

from dekr.models.common import Moment, Number, Shape, Symbol


class Bar(Shape):
    """One bar. ``timestamp`` is the start of its time window. ``vwap`` (volume-weighted average price) and ``transactions`` (number
    of trades) are null where the data provider has none.
    """

    symbol: Symbol
    timestamp: Moment
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    vwap: Number | None
    transactions: int | None
