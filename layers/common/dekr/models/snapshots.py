"""The shape of a symbol's trading day so far."""

from dekr.models.common import Moment, Number, Shape, Symbol


class DayBar(Shape):
    """The bar of one day. Each field is null as long as nothing was traded."""

    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    volume: Number | None
    vwap: Number | None


class MinuteBar(DayBar):
    """The bar of the last minute. ``timestamp`` is the start of its time window."""

    timestamp: Moment | None


class Snapshot(Shape):
    """A symbol's trading day so far. ``change`` and ``change_percent`` count from the close of the previous day."""

    symbol: Symbol
    day: DayBar
    previous_day: DayBar
    last_minute: MinuteBar
    change: Number | None
    change_percent: Number | None
    timestamp: Moment | None
