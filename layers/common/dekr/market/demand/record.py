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
from dekr.market.demand.forecast import Forecast, parse_forecast
from dekr.market.demand.scripts import FORECAST, RECORD_REFRESH, RECORD_REQUESTS, SET_PREFERENCES
from dekr.store import Command, Store, call
from dekr.store.command import Word

HALF_LIFE_US: Final = 7 * 86_400 * 1_000_000
"""After so long a request counts half for which tickers are popular: yesterday is remembered, last month is not."""

SPAN_US: Final = 900 * 1_000_000
"""The pace is that of about the last quarter of an hour."""

MAX_TICKERS: Final = 20_000
"""The record keeps so many tickers, the least popular go first."""

CANDIDATES: Final = 4_000
"""A forecast names so many popular tickers (more change nothing, measured)."""

MAX_PREFERRED: Final = 5_000
SAMPLED: Final = 8
"""Of so many quotes of batches one is noted, for all: telling the store of a hundred takes longer than reading them."""

NOTED_AT_MOST: Final = 64
NOTED_FOR_US: Final = 10_000_000
"""A sandbox sends its counts when it has so many, or has waited so long."""

NO_FLOOR: Final = 1 << 62
"""No fetch started after it: a forecast names all tickers in demand."""


@dataclass(slots=True)
class Demand:
    """The record. ``now_us`` is this machine's clock, good enough to wait some seconds."""

    store: Store
    now_us: Callable[[], int]
    _counts: Counter[str] = field(default_factory=Counter)
    _stamps: dict[str, int] = field(default_factory=dict)
    _noted: int = 0
    _batches: int = 0
    _sent_us: int = 0

    def note(self, ticker: str, stamp_us: int) -> None:
        """Count a quote or trade that was served, from an entry with this stamp."""
        self._counts[ticker] += 1
        self._stamps[ticker] = stamp_us
        self._noted += 1

    def note_all(self, served: Mapping[str, int]) -> None:
        """Count the quotes of a batch, by ticker with their stamps: of SAMPLED of them one stands for all."""
        if not served:
            return
        # Another eighth each time: the same batch comes again and again.
        at = self._batches % SAMPLED
        self._batches += 1
        for ticker in islice(served, at, None, SAMPLED):
            self._counts[ticker] += SAMPLED
            self._stamps[ticker] = served[ticker]
        self._noted += len(served) // SAMPLED + 1

    def due(self) -> tuple[Command, ...]:
        """The command that sends the counts, where it is time for that."""
        if not self._noted:
            return ()
        if self._noted < NOTED_AT_MOST and self.now_us() - self._sent_us < NOTED_FOR_US:
            return ()
        return self.all()

    def all(self) -> tuple[Command, ...]:
        """The command that sends the counts so far, where there are any."""
        if not self._noted:
            return ()
        args: list[Word] = []
        for ticker, count in self._counts.items():
            args += [ticker, count, self._stamps[ticker]]
        touched = self._keys(Part.TICKERS, Part.PACE, Part.STAMPS)
        command = call(RECORD_REQUESTS, touched, HALF_LIFE_US, SPAN_US, MAX_TICKERS, *args)
        self._counts.clear()
        self._stamps.clear()
        self._noted, self._sent_us = 0, self.now_us()
        return (command,)

    def forecast(self, floor_us: int, pace: float | None = None) -> Forecast:
        """The requests to expect; where the market was fetched after the floor, only for tickers that it lacked.

        ``pace``: requests a second to assume in the place of the present ones. Raises StoreDown.
        """
        touched = self._keys(Part.TICKERS, Part.PACE, Part.STAMPS, Part.PREFERRED, Part.LACKING)
        *_, reply = self.store.run(*self.all(), call(FORECAST, touched, HALF_LIFE_US, SPAN_US, CANDIDATES, floor_us))
        try:
            return parse_forecast(reply, floor_us, pace)
        except (ValueError, OverflowError):
            # A record that somebody else has written into says nothing.
            return Forecast(reply[0], 0)

    def refreshed(self, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        """The command that remembers a fetch of these tickers' quotes."""
        return self._refreshed("many", stamp_us, tickers)

    def refreshed_market(self, stamp_us: int, lacking: Sequence[str]) -> tuple[Command, ...]:
        """The command that remembers a fetch of the whole market's quotes. ``lacking``: tickers in demand that it did not have."""
        return self._refreshed("market", stamp_us, lacking)

    def prefer(self, tickers: Sequence[str], weight: int, until_us: int) -> tuple[Command, ...]:
        """The command that expects ``weight`` requests an hour more for each ticker until then; 0 ends that."""
        return (call(SET_PREFERENCES, self._keys(Part.PREFERRED), MAX_PREFERRED, until_us, weight, *tickers),)

    def _refreshed(self, kind: str, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        touched = self._keys(Part.PACE, Part.STAMPS, Part.LACKING)
        return (call(RECORD_REFRESH, touched, stamp_us, MAX_TICKERS, kind, *tickers),)

    def _keys(self, *parts: Part) -> list[str]:
        return keys.demand(self.store.prefix, parts)
