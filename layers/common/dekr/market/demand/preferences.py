"""Tickers that other Dekr modules expect to be requested: they count as demand before the first request.

Preferred tickers are part of the record of demand (dekr.market.demand.record), so the calls that preload popular tickers preload
them, too, until their preference ends. Each is kept for the user for whom it was set, too: a stream that names no symbols
delivers those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dekr.cache import keys
from dekr.errors import InvalidInput
from dekr.market.demand.record import MAX_PREFERRED, Demand
from dekr.store import plain

MAX_OF_A_USER: Final = 1_000
"""The preferred tickers of one user; those whose preference ends first are dropped first."""

KEPT_MS: Final = 31 * 86_400 * 1_000
"""No preference lasts longer than 30 days."""


@dataclass(frozen=True, slots=True, eq=False)
class Preferences:
    """Adds and ends preferences, and knows those of a user."""

    demand: Demand

    def add(self, user: str, tickers: Sequence[str], weight: int, until_us: int) -> int:
        """Expect ``weight`` requests an hour for each of these tickers until ``until_us``, and keep them for the user (empty:
        nobody). Returns how many are preferred now, for whomever.

        Raises InvalidInput where there would be too many, and then changes nothing; StoreDown.
        """
        kept = self.demand.prefer(tickers, weight, until_us)
        if kept < 0:
            raise InvalidInput("symbols", f"must not make more than {MAX_PREFERRED} preferred ones in all")
        if user:
            key = self._key(user)
            scored = [word for ticker in tickers for word in (until_us, ticker)]
            self.demand.store.run(
                plain("ZREMRANGEBYSCORE", key, "-inf", self.demand.now_us()),
                plain("ZADD", key, *scored),
                plain("ZREMRANGEBYRANK", key, 0, -MAX_OF_A_USER - 1),
                plain("PEXPIRE", key, KEPT_MS),
            )
        return kept

    def end(self, user: str, ticker: str) -> int:
        """Drop a ticker's preference, if it has one, and the user's; returns how many tickers are preferred now, for whomever.

        Raises StoreDown.
        """
        self.demand.store.run(plain("ZREM", self._key(user), ticker))
        return self.demand.prefer((ticker,), 0, 0)

    def of_user(self, user: str, at_most: int) -> list[str]:
        """The tickers that are preferred for a user now, those whose preference lasts longest first. Raises StoreDown."""
        key, now_us = self._key(user), self.demand.now_us()
        command = plain("ZREVRANGEBYSCORE", key, "+inf", f"({now_us}", "LIMIT", 0, at_most)
        (found,) = self.demand.store.run(command)
        return [ticker.decode() for ticker in found]

    def _key(self, user: str) -> str:
        return keys.preferred_symbols(self.demand.store.prefix, user)
