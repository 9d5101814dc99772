"""Tickers that other Dekr modules expect to be wanted: they count as demand before the first reader asks.

What is preferred is part of the record of demand (dekr.market.demand.record), so it is preloaded along with what is popular, in
the same calls, and for as long as it is said to be wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dekr.errors import InvalidInput
from dekr.market.demand.record import MAX_PREFERRED, Demand


@dataclass(frozen=True, slots=True)
class Preferences:
    """Adds and ends preferences."""

    demand: Demand

    def add(self, tickers: Sequence[str], weight: int, until_us: int) -> int:
        """Expect ``weight`` requests an hour for each of these, until then; returns how many tickers are preferred now.

        Raises InvalidInput where there would be too many, and then changes nothing; StoreDown.
        """
        (kept,) = self.demand.store.run(*self.demand.prefer(tickers, weight, until_us))
        if kept < 0:
            raise InvalidInput("symbols", f"must not make more than {MAX_PREFERRED} preferred ones in all")
        return int(kept)

    def end(self, ticker: str) -> int:
        """Expect no more than what is asked for anyway; returns how many tickers are preferred now. Raises StoreDown."""
        (kept,) = self.demand.store.run(*self.demand.prefer((ticker,), 0, 0))
        return int(kept)
