"""The shapes of the values of indicators."""

from dekr.models.common import Moment, Shape, Symbol


class IndicatorValue(Shape):
    """The value of an indicator at one bar. ``timestamp`` is the start of the bar's time window."""

    symbol: Symbol
    timestamp: Moment
    value: float


class MacdValue(IndicatorValue):
    """The value of a MACD at one bar: ``value`` is the MACD line, ``signal`` its signal line, ``histogram`` the MACD line less the
    signal line. ``timestamp`` is the start of the bar's time window.
    """

    signal: float
    histogram: float
