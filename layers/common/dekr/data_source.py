"""The sources of data, as the X-Data-Source header and cached quotes and trades name them."""

from enum import StrEnum


class DataSource(StrEnum):
    """The upstream's kind of data that an answer was made of."""

    NBBO = "nbbo"
    """Quotes themselves: the last one, or those of a time."""
    TRADE = "trade"
    """Trades themselves: the last one, or those of a time."""
    SNAPSHOT = "snapshot"
    STREAM = "stream"
    """A quote or trade of the live stream."""
    MINUTE_BAR = "minute_bar"
    """The close of the last minute bar, in the place of a quote or trade."""
    PREVIOUS_CLOSE = "previous_close"
    """The previous trading day's close, in the place of a quote or trade."""
    AGGREGATES = "aggregates"
    """Bars of the upstream."""
    DERIVED = "derived"
    """Bars of which the last trading day's were made of its minute bars or of a snapshot."""
    NEWS = "news"
    """Articles."""
    REFERENCE = "reference"
    """Lists and states that are no prices: tickers, holidays, the state of the markets."""
    CALENDAR = "calendar"
    """The service's own calendar of sessions and trading days, where the upstream could not be asked."""
    MIXED = "mixed"
    """The parts of the answer have several sources."""
