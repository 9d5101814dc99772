"""Where the latest quote and trade of a ticker can come from, best source first."""

from typing import Final

from dekr.cache.keys import Datum
from dekr.data_source import DataSource
from dekr.polygon.endpoints import LAST_QUOTE, LAST_TRADE, NEWEST_MINUTE, PREVIOUS_CLOSE, SNAPSHOT, Endpoint

LADDERS: Final[dict[Datum, tuple[Endpoint, ...]]] = {
    Datum.QUOTE: (LAST_QUOTE, SNAPSHOT, NEWEST_MINUTE, PREVIOUS_CLOSE),
    Datum.TRADE: (LAST_TRADE, SNAPSHOT, NEWEST_MINUTE, PREVIOUS_CLOSE),
}
"""Endpoints in the order in which they are tried; the gate remembers which of them the plan refused."""

BAR_SOURCES: Final = (DataSource.MINUTE_BAR, DataSource.PREVIOUS_CLOSE)
"""Sources that have a price alone: the close of a bar."""
