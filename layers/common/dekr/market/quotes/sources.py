"""Where the latest quote and trade of a ticker can come from, best source first."""

from typing import Final

from dekr.cache.keys import Datum

LADDERS: Final = {
    Datum.QUOTE: ("nbbo", "snapshot", "minute", "prev"),
    Datum.TRADE: ("trade", "snapshot", "minute", "prev"),
}
"""Endpoint families in the order in which they are tried; the gate remembers for an hour what the plan refused."""

BARS: Final = ("minute_bar", "previous_close")
"""Sources that have a price alone: the close of a bar."""
