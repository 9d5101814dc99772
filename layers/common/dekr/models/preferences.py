"""The shapes of preferences of symbols."""

from dekr.models.common import Moment, Shape, Symbol


class PreferredSymbols(Shape):
    """The preference that was set: the symbols, the number of requests an hour that are expected for each (``weight``), and the
    moment until which. ``preferred`` is the number of all symbols that are preferred now.
    """

    symbols: list[Symbol]
    weight: int
    until: Moment
    preferred: int


class Unpreferred(Shape):
    """The symbol whose preference was ended. ``preferred`` is the number of symbols that are still preferred."""

    symbol: Symbol
    preferred: int
