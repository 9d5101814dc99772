"""The record of demand: how often each ticker's quote or trade is read, and when quotes were fetched together.

It is a by-product of serving. A sandbox counts what it served and sends the counts along with a later request's first
round trip. The record remembers for days which tickers are popular and for minutes how much is read at all, so a ticker's
rate now is the present pace times its lasting share.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from dekr.cache import keys
from dekr.cache.keys import DemandPart as Part
from dekr.errors import Unavailable
from dekr.market.demand.forecast import Forecast, parse_forecast
from dekr.market.demand.scripts import FORECAST, RECORD_REFRESH, RECORD_REQUESTS, SET_PREFERENCES
from dekr.passed_over import PassedOver
from dekr.store import Command, Store, call
from dekr.store.command import Word

HALF_LIFE_US: Final = 7 * 86_400 * 1_000_000
"""The age at which a request counts half for a ticker's popularity: yesterday is remembered, last month is not."""

SPAN_US: Final = 900 * 1_000_000
"""The span over which the pace of all requests is measured: about the last quarter of an hour."""

MAX_TICKERS: Final = 20_000
"""The number of tickers that the record keeps; the least popular are dropped first."""

CANDIDATES: Final = 4_000
"""The number of popular tickers that a forecast names (more change nothing, measured)."""

MAX_PREFERRED: Final = 5_000
"""The number of tickers that may be preferred at a time."""

SAMPLED: Final = 8
"""One of so many quotes of a batch is counted, for all of them: sending a hundred counts takes longer than reading the quotes."""

SEND_AT_COUNTS: Final = 64
SEND_AFTER_US: Final = 10_000_000
"""A sandbox sends its counts when it has so many, or when it last sent some so long ago."""

NO_FLOOR: Final = 1 << 62
"""A floor that no fetch is newer than: with it, a forecast names all tickers in demand."""


@dataclass(slots=True, eq=False)
class Demand:
    """The record of demand. ``now_us`` is this machine's clock, good enough to wait some seconds; ``passed_over`` collects why
    the record could not be read.
    """

    store: Store
    now_us: Callable[[], int]
    passed_over: PassedOver = field(default_factory=PassedOver)
    _counts: Counter[str] = field(default_factory=Counter)
    _stamps: dict[str, int] = field(default_factory=dict)
    _unsent: int = 0
    _batches: int = 0
    _sent_us: int = 0

    def count_served(self, ticker: str, stamp_us: int) -> None:
        """Count a quote or trade that was served, from an entry with this stamp."""
        self._counts[ticker] += 1
        self._stamps[ticker] = stamp_us
        self._unsent += 1

    def count_batch(self, served: Mapping[str, int]) -> None:
        """Count the quotes of a batch, given as stamps by ticker: one of each SAMPLED is counted for all of them."""
        if not served:
            return
        # Another eighth each time: the same batch comes again and again.
        at = self._batches % SAMPLED
        self._batches += 1
        for ticker in islice(served, at, None, SAMPLED):
            self._counts[ticker] += SAMPLED
            self._stamps[ticker] = served[ticker]
        self._unsent += len(served) // SAMPLED + 1

    def due(self) -> tuple[Command, ...]:
        """The command that sends the counts, where there are enough or they have waited long enough; else none."""
        if not self._unsent:
            return ()
        if self._unsent < SEND_AT_COUNTS and self.now_us() - self._sent_us < SEND_AFTER_US:
            return ()
        return self.all()

    def all(self) -> tuple[Command, ...]:
        """The command that sends all counts so far, where there are any; else none."""
        if not self._unsent:
            return ()
        args: list[Word] = []
        for ticker, count in self._counts.items():
            args += [ticker, count, self._stamps[ticker]]
        touched = self._keys(Part.TICKERS, Part.PACE, Part.STAMPS)
        command = call(RECORD_REQUESTS, touched, HALF_LIFE_US, SPAN_US, MAX_TICKERS, *args)
        self._counts.clear()
        self._stamps.clear()
        self._unsent, self._sent_us = 0, self.now_us()
        return (command,)

    def forecast(self, floor_us: int, pace: float | None = None) -> Forecast:
        """The requests to expect; where the whole market was fetched after the floor, only for tickers that it lacked.

        ``pace``: requests a second to assume in the place of the present ones. Raises StoreDown.
        """
        touched = self._keys(Part.TICKERS, Part.PACE, Part.STAMPS, Part.PREFERRED, Part.LACKING)
        *_, reply = self.store.run(*self.all(), call(FORECAST, touched, HALF_LIFE_US, SPAN_US, CANDIDATES, floor_us))
        try:
            return parse_forecast(reply, floor_us, pace)
        except (ValueError, OverflowError) as error:
            # A record with values that this service does not write is of no use.
            text = "The record of demand cannot be read."
            unreadable = Unavailable(text, retry_after_s=1, fault=f"record of demand: {type(error).__name__}")
            self.passed_over.note(unreadable)
            return Forecast(reply[0], 0)

    def refreshed(self, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        """The command that remembers a fetch of these tickers' quotes."""
        return self._refreshed("many", stamp_us, tickers)

    def refreshed_market(self, stamp_us: int, lacking: Sequence[str]) -> tuple[Command, ...]:
        """The command that remembers a fetch of the whole market's quotes. ``lacking``: tickers in demand that it did not have."""
        return self._refreshed("market", stamp_us, lacking)

    def prefer(self, tickers: Sequence[str], weight: int, until_us: int) -> int:
        """Expect ``weight`` requests an hour more for each ticker until ``until_us``; a weight of 0 ends that.

        Returns how many tickers are preferred now; less than 0, and nothing is changed, where they would be more than
        MAX_PREFERRED. Raises StoreDown.
        """
        command = call(SET_PREFERENCES, self._keys(Part.PREFERRED), MAX_PREFERRED, until_us, weight, *tickers)
        (kept,) = self.store.run(command)
        return int(kept)

    def _refreshed(self, kind: str, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        touched = self._keys(Part.PACE, Part.STAMPS, Part.LACKING)
        return (call(RECORD_REFRESH, touched, stamp_us, MAX_TICKERS, kind, *tickers),)

    def _keys(self, *parts: Part) -> list[str]:
        return keys.demand(self.store.prefix, parts)
