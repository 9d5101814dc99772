"""What one request sees."""

from dataclasses import dataclass
from datetime import date

from dekr import sessions
from dekr.sessions import Session
from local.sandbox.closures import Closures
from local.sandbox.plans import Plan
from local.sandbox.universe import profile, ranks
from local.sandbox.wire import Json, not_found


@dataclass(frozen=True, slots=True)
class View:
    """The market at a moment through a plan. ``base``: the address that next_url begins with."""

    seed: int
    plan: Plan
    now_us: int
    request_id: str
    base: str
    closures: Closures

    @property
    def seen_us(self) -> int:
        """The moment up to which the plan shows data."""
        return self.plan.seen_us(self.now_us)

    @property
    def today(self) -> date:
        """The date in New York, as far as the plan knows."""
        return sessions.eastern_date(self.seen_us)

    @property
    def session(self) -> Session:
        """The market's session now. Every plan knows it."""
        return Session.CLOSED if self.closures.closed(self.now_us) else sessions.at(self.now_us).session

    def envelope(self, **fields: object) -> Json:
        """What most answers are in."""
        return {"status": self.plan.status, "request_id": self.request_id, **fields}

    def listed(self, ticker: str) -> str:
        """The ticker. Raises a 404 Refusal where it is not listed."""
        if ticker not in ranks():
            raise not_found()
        return ticker

    def ratio(self, ticker: str, day: date, *, adjusted: bool) -> int:
        """How many of today's shares one share of a day is."""
        about = profile(self.seed, ticker)
        return about.ratio(day, self.today) if adjusted and about.split is not None else 1
