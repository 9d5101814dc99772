"""Tickers that other Dekr modules expect to be requested: they count as demand before the first request.

Preferred tickers are part of the record of demand (dekr.market.demand.record), so the calls that preload popular tickers preload
them, too, until their preference ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dekr.errors import InvalidInput
from dekr.market.demand.record import MAX_PREFERRED, Demand


@dataclass(frozen=True, slots=True, eq=False)
class Preferences:
    """Adds and ends preferences."""

    demand: Demand

    def add(self, tickers: Sequence[str], weight: int, until_us: int) -> int:
        """Expect ``weight`` requests an hour for each of these tickers until ``until_us``; returns how many are preferred now.

        Raises InvalidInput where there would be too many, and then changes nothing; StoreDown.
        """
        kept = self.demand.prefer(tickers, weight, until_us)
        if kept < 0:
            raise InvalidInput("symbols", f"must not make more than {MAX_PREFERRED} preferred ones in all")
        return kept

    def end(self, ticker: str) -> int:
        """Drop a ticker's preference, if it has one; returns how many tickers are preferred now. Raises StoreDown."""
        return self.demand.prefer((ticker,), 0, 0)
