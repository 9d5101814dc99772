"""When the market trades: the calendar that drives the cache, corrected by what the upstream says of closures that no
calendar could know (an early close that the upstream alone knows is not among them). Where the upstream cannot be asked, the
calendar alone answers, and says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from dekr import sessions
from dekr.calendar_table import EARLY
from dekr.errors import DeadlineExceeded, Unavailable, UnknownSymbol, UpstreamInvalid, UpstreamNotEntitled
from dekr.market.passthrough.queries import market_now, upcoming
from dekr.market.passthrough.service import PassThrough
from dekr.market.read.context import ReadContext
from dekr.passed_over import PassedOver
from dekr.sessions import Session
from dekr.times import rfc3339

_STOCKS: Final = ("NYSE", "NASDAQ")
_NO_ANSWER: Final = (Unavailable, DeadlineExceeded, UpstreamInvalid, UpstreamNotEntitled, UnknownSymbol)


@dataclass(frozen=True, slots=True)
class MarketHours:
    """The service of sessions and trading days. ``passed_over`` collects why the upstream's word is missing."""

    answers: PassThrough
    now_us: Callable[[], int]
    passed_over: PassedOver

    def status(self, context: ReadContext) -> dict[str, Any]:
        """The session now and the next change, as ``dekr.models.MarketStatus``."""
        now_us = self.now_us()
        moment = sessions.at(now_us)
        upstream = self._now(context, moment.since_us)
        unplanned = upstream is not None and moment.session is not Session.CLOSED and upstream["market"] == "closed"
        planned = moment.known and not unplanned
        return {
            "session": Session.CLOSED if unplanned else moment.session,
            "open": moment.session is Session.REGULAR and not unplanned,
            # Nobody knows when a closure that was not planned began, or when it will end.
            "since": _text(moment.since_us) if planned else None,
            "next_change": _text(moment.until_us) if planned else None,
            "next_session": sessions.at(moment.until_us).session if planned else None,
            "unplanned": unplanned,
            "known": moment.known,
            "source": "calendar" if upstream is None else "calendar and upstream",
            "time": _text(now_us),
        }

    def days(self, context: ReadContext, first: date, last: date) -> list[dict[str, Any]]:
        """The days from ``first`` to ``last``, as ``dekr.models.CalendarDay``. Raises CalendarUnknown outside the calendar."""
        bounds = [(day, sessions.trading_day(day)) for day in _each(first, last)]
        announced = self._announced(context)
        return [_day(day, found, announced.get(day.isoformat(), {})) for day, found in bounds]

    def now(self, context: ReadContext) -> Any:  # noqa: ANN401 - parsed JSON
        """Polygon's state of the markets, as sent."""
        return self.answers.get(context, market_now(sessions.at(self.now_us()).since_us))

    def _now(self, context: ReadContext, since_us: int) -> Mapping[str, Any] | None:
        try:
            sent: Mapping[str, Any] = self.answers.get(context, market_now(since_us))
        except _NO_ANSWER as error:
            self.passed_over.note(error)
            return None
        # What was said in another session says nothing of this one.
        said_us = datetime.fromisoformat(sent["serverTime"]).timestamp() * 1_000_000
        return sent if said_us >= since_us else None

    def _announced(self, context: ReadContext) -> dict[str, Mapping[str, Any]]:
        """The days that the upstream announces for the stock exchanges, by date."""
        try:
            sent = self.answers.get(context, upcoming())
        except _NO_ANSWER as error:
            self.passed_over.note(error)
            return {}
        return {day["date"]: day for day in sent if day["exchange"] in _STOCKS}


def _day(day: date, found: sessions.TradingDay | None, announced: Mapping[str, Any]) -> dict[str, Any]:
    unplanned = found is not None and announced.get("status") == "closed"
    bounds = None if unplanned else found
    status = "closed" if bounds is None else "early_close" if day in EARLY else "open"
    return {
        "date": day.isoformat(),
        "status": status,
        "name": announced.get("name"),
        "pre_open": _text(bounds.pre_open_us) if bounds else None,
        "open": _text(bounds.open_us) if bounds else None,
        "close": _text(bounds.close_us) if bounds else None,
        "post_close": _text(bounds.post_close_us) if bounds else None,
        "unplanned": unplanned,
    }


def _each(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _text(us: int) -> str:
    return rfc3339(us * 1000)
