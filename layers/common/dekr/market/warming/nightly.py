"""History at night, when calls are cheap: the finished day for all tickers, and a year of day bars for the most popular ones.
In the next pre-market, when the finished day is settled, it is brought once more for all tickers.

Both may be repeated: what the cache has already costs no call. Where the warmer's part of the budget is spent, the next run goes
on. The order matters: bars that are loaded before the finished day was added for all tickers are loaded once more for that
day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from dekr import sessions
from dekr.access.limits import RateCharge
from dekr.deadline import Deadline
from dekr.errors import UnknownSymbol, UpstreamInvalid, UpstreamNotEntitled
from dekr.market.demand.record import NO_FLOOR, Demand
from dekr.market.read.context import ReadContext
from dekr.passed_over import PassedOver
from dekr.sessions import Session
from dekr.store import Store
from dekr.tiers import Tier

HOTTEST: Final = 50
"""The number of most popular tickers whose day bars of the last year are loaded."""

MAX_WRONG: Final = 5
"""Where the bars of more tickers than this cannot be loaded, the upstream itself is in trouble, and the run ends."""

MIN_TIME_LEFT_S: Final = 5.0
"""The seconds that must be left for a ticker to be begun."""

TIER: Final = Tier.WEEKEND_WARRIOR
"""The tier for which bars are loaded: once the day has settled, they suit every tier, and this one uses no reserved budget."""


class FinishedDay(Protocol):
    """Adds the last finished trading day to the day bars of all tickers in the cache."""

    def extend(self, now_us: int, deadline: Deadline) -> bool:
        """Add the day that was finished at ``now_us`` (the store's clock), and once more when it is settled.

        Returns whether nothing is left to do.
        """
        ...


class DayHistoryLoader(Protocol):
    """Loads day bars into the cache."""

    def load_year(self, context: ReadContext, ticker: str) -> None:
        """Bring the adjusted day bars of the last year into the cache, as far as they are missing. Raises UnknownSymbol."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NightlyHistory:
    """Brings history up to date. ``charge`` makes the commands that count the warmer's calls among all of the day, in the
    ``store``; ``passed_over`` collects why single tickers were left out.
    """

    demand: Demand
    finished_day: FinishedDay
    day_history: DayHistoryLoader
    charge: Callable[[], RateCharge]
    passed_over: PassedOver
    store: Store

    def __call__(self, deadline: Deadline) -> str:
        """Bring history up to date; returns in a few words how far it came. Raises what the gate and the fetch raise."""
        charge = self.charge()
        # One request stands for all: only the calls are of interest.
        admission = charge.resolve(self.store.run(charge.command)[0])
        if not self.finished_day.extend(admission.now_us, deadline):
            return "to be continued"
        if sessions.at(admission.now_us).session is not Session.CLOSED:
            return "settled"
        wrong = 0
        forecast = self.demand.forecast(NO_FLOOR, 1.0)
        for each in sorted(forecast.tickers, key=lambda each: each.rate, reverse=True)[:HOTTEST]:
            if deadline.left_s() < MIN_TIME_LEFT_S:
                return "to be continued"
            context = ReadContext(
                charge, TIER.policy, deadline, admission, now_us=admission.now_us, local_now_us=self.demand.now_us()
            )
            try:
                self._load(context, each.ticker)
            except (UpstreamInvalid, UpstreamNotEntitled) as error:
                # That ticker's bars alone are wrong, or not in the plan.
                self.passed_over.note(error)
                wrong += 1
                if wrong > MAX_WRONG:
                    raise
        return "up to date"

    def _load(self, context: ReadContext, ticker: str) -> None:
        try:
            self.day_history.load_year(context, ticker)
        except UnknownSymbol:
            # The ticker is popular or preferred, but does not exist; a negative entry remembers that for a while.
            return
