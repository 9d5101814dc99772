"""The market as one request sees it."""

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
    """The market at a moment through a plan. ``base`` is the address at which every next_url begins."""

    seed: int
    plan: Plan
    now_us: int
    request_id: str
    base: str
    closures: Closures

    @property
    def seen_us(self) -> int:
        """The moment up to which the plan shows data, in microseconds."""
        return self.plan.seen_us(self.now_us)

    @property
    def today(self) -> date:
        """The date in New York at the moment up to which the plan shows data."""
        return sessions.eastern_date(self.seen_us)

    @property
    def session(self) -> Session:
        """The market's session now, which is the same on every plan."""
        return Session.CLOSED if self.closures.closed(self.now_us) else sessions.at(self.now_us).session

    def envelope(self, **fields: object) -> Json:
        """Return these fields inside the envelope of most answers: ``status`` and ``request_id``."""
        return {"status": self.plan.status, "request_id": self.request_id, **fields}

    def require_listed(self, ticker: str) -> str:
        """Return the ticker. Raises Refusal (404) if it is not listed."""
        if ticker not in ranks():
            raise not_found()
        return ticker

    def ratio(self, ticker: str, day: date, *, adjusted: bool) -> int:
        """Return how many of today's shares one share of ``day`` is; 1 if prices are not adjusted."""
        properties = profile(self.seed, ticker)
        return properties.ratio(day, self.today) if adjusted and properties.split is not None else 1
