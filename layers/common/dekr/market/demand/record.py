"""What is asked for: how often each ticker is, how patient its readers are, and what follows for the next minutes.

It is a by-product of serving. A sandbox counts what it served and sends the counts along with a later request's first
round trip. The record remembers for days which tickers are popular and for minutes how much is asked at all, so a ticker's
rate now is the present pace times its lasting share.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

from dekr.cache import keys
from dekr.cache.keys import DemandPart as Part
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
"""So many popular tickers are weighed against each other (more change nothing, measured)."""

MAX_PREFERRED: Final = 5_000
SAMPLED: Final = 8
"""Of so many quotes of batches one is noted, for all: telling the store of a hundred takes longer than reading them."""

NOTED_AT_MOST: Final = 64
NOTED_FOR_US: Final = 10_000_000
"""A sandbox sends its counts when it has so many, or has waited so long."""

NO_FLOOR: Final = 1 << 62
"""No fetch started after it: the whole outlook is told."""

DOUBT: Final = 400.0
DISCOUNT: Final = 0.5
"""How much of the demand goes to tickers that were never asked for: DISCOUNT x tickers known / (requests + DOUBT), the share
of new kinds in a Pitman-Yor process; DOUBT makes the first requests say little.
"""


@dataclass(frozen=True, slots=True)
class TickerDemand:
    """A ticker, its expected requests a second, and when it was last fetched (0: long ago), on the store's clock."""

    ticker: str
    rate: float
    stamp_us: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is likely to be asked for.

    ``market_us``: when the whole market was last fetched (0: long ago). ``patience``: the share of requests by allowance (the
    tier's real-time age in seconds). ``likely``: the most popular tickers. ``others_rate``: requests a second for all the
    rest. ``call_gap_s``: mean time between two shared fetches.
    """

    now_us: int
    market_us: int
    max_age_mix: Mapping[int, float] = field(default_factory=dict)
    tickers: Sequence[TickerDemand] = ()
    others_rate: float = 0.0
    call_gap_s: float = 60.0

    @property
    def rate(self) -> float:
        """Expected requests a second, all tickers together."""
        return sum(ticker.rate for ticker in self.tickers) + self.others_rate


@dataclass(slots=True)
class Demand:
    """The record of what is asked for. ``now_us`` is this machine's clock, good enough to wait some seconds."""

    store: Store
    now_us: Callable[[], int]
    _tickers: Counter[str] = field(default_factory=Counter)
    _patience: Counter[int] = field(default_factory=Counter)
    _stamps: dict[str, int] = field(default_factory=dict)
    _noted: int = 0
    _batches: int = 0
    _sent_us: int = 0

    def note(self, ticker: str, stamp_us: int, allowance_s: int) -> None:
        """Count a quote or trade with this stamp that was served to a reader who may have it so old."""
        self._tickers[ticker] += 1
        self._stamps[ticker] = stamp_us
        self._patience[allowance_s] += 1
        self._noted += 1

    def note_all(self, served: Mapping[str, int], allowance_s: int) -> None:
        """Count the quotes of a batch, by ticker with their stamps: of so many one in SAMPLED stands for all."""
        if not served:
            return
        # Another eighth each time: the same batch comes again and again.
        at = self._batches % SAMPLED
        self._batches += 1
        for ticker in islice(served, at, None, SAMPLED):
            self._tickers[ticker] += SAMPLED
            self._stamps[ticker] = served[ticker]
        self._patience[allowance_s] += len(served)
        self._noted += len(served) // SAMPLED + 1

    def due(self) -> tuple[Command, ...]:
        """What sends the counts, where it is time for that."""
        if not self._noted:
            return ()
        if self._noted < NOTED_AT_MOST and self.now_us() - self._sent_us < NOTED_FOR_US:
            return ()
        return self.all()

    def all(self) -> tuple[Command, ...]:
        """What sends the counts so far, where there are any."""
        if not self._noted:
            return ()
        args: list[Word] = [len(self._patience), *chain.from_iterable(self._patience.items())]
        for ticker, count in self._tickers.items():
            args += [ticker, count, self._stamps[ticker]]
        touched = self._keys(Part.TICKERS, Part.MAX_AGES, Part.PACE, Part.STAMPS)
        command = call(RECORD_REQUESTS, touched, HALF_LIFE_US, SPAN_US, MAX_TICKERS, *args)
        self._tickers.clear()
        self._patience.clear()
        self._stamps.clear()
        self._noted, self._sent_us = 0, self.now_us()
        return (command,)

    def forecast(self, floor_us: int, pace: float | None = None) -> Forecast:
        """What is likely to be asked for; where the market was fetched after the floor, only of that what it did not have.
        ``pace``: requests a second to assume in the place of the present ones. Raises StoreDown.
        """
        touched = self._keys(Part.TICKERS, Part.MAX_AGES, Part.PACE, Part.STAMPS, Part.PREFERRED, Part.LACKING)
        *_, reply = self.store.run(*self.all(), call(FORECAST, touched, HALF_LIFE_US, SPAN_US, CANDIDATES, floor_us))
        try:
            return _told(reply, floor_us, pace)
        except (ValueError, OverflowError):
            # A record that somebody else has written into says nothing.
            return Forecast(reply[0], 0)

    def refreshed(self, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        """What remembers a fetch of these tickers' quotes."""
        return self._refreshed("many", stamp_us, tickers)

    def refreshed_market(self, stamp_us: int, lacking: Sequence[str]) -> tuple[Command, ...]:
        """What remembers a fetch of the whole market's quotes. ``lacking``: likely tickers that it did not have."""
        return self._refreshed("market", stamp_us, lacking)

    def _refreshed(self, what: str, stamp_us: int, tickers: Sequence[str]) -> tuple[Command, ...]:
        touched = self._keys(Part.PACE, Part.STAMPS, Part.LACKING)
        return (call(RECORD_REFRESH, touched, SPAN_US, stamp_us, MAX_TICKERS, what, *tickers),)

    def prefer(self, tickers: Sequence[str], weight: int, until_us: int) -> tuple[Command, ...]:
        """What makes these tickers as likely until then as if each were asked for ``weight`` times an hour more; 0 ends that."""
        return (call(SET_PREFERENCES, self._keys(Part.PREFERRED), MAX_PREFERRED, until_us, weight, *tickers),)

    def _keys(self, *parts: Part) -> list[str]:
        return [keys.demand(self.store.prefix, part) for part in parts]


def _told(reply: Any, floor_us: int, pace: float | None) -> Forecast:  # noqa: ANN401 - a script's reply
    now_us, market, *rest = reply
    if not rest:
        return Forecast(now_us, int(float(market)))
    rate, calls, known, requests, shares, names, scores, stamps, preferred = rest
    total = float(requests)
    market_us = int(float(market))
    covered = market_us > floor_us
    new = min(0.9, DISCOUNT * known / (total + DOUBT))
    rate = float(rate) if pace is None else pace
    per_score = rate * (1 - new) / total if total else 0.0
    rates = {name.decode(): float(score) * per_score for name, score in zip(names, scores, strict=True)}
    when = {name.decode(): int(float(stamp or 0)) for name, stamp in zip(names, stamps, strict=True)}
    # Where the market was fetched after the floor, all that it had is fresh.
    others = 0.0 if covered else rate - sum(rates.values())
    for name, word in zip(preferred[::2], preferred[1::2], strict=True):
        until_us, _, weight = word.partition(b" ")
        if int(until_us) > now_us:
            rates[name.decode()] = rates.get(name.decode(), 0.0) + float(weight) / 3600
    max_age_mix = {int(s): float(n) / total for s, n in zip(shares[::2], shares[1::2], strict=True)} if total else {}
    return Forecast(
        now_us,
        market_us,
        max_age_mix,
        [
            TickerDemand(ticker, each, max(when.get(ticker, 0), 0 if covered else market_us))
            for ticker, each in rates.items()
            if each
        ],
        max(0.0, others),
        1 / float(calls) if float(calls) > 1 / 3600 else 3600.0,
    )
