"""The service of market hours: sessions and trading days of the US stock market.

They come from the calendar that also decides how old cached data may be, corrected by the closures that the upstream reports
and no calendar could know. An early close that only the upstream knows is not corrected. Where the upstream cannot be reached,
the calendar alone answers, and the answer says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from dekr import sessions
from dekr.calendar_table import EARLY
from dekr.data_source import DataSource
from dekr.errors import DeadlineExceeded, Unavailable, UnknownSymbol, UpstreamInvalid, UpstreamNotEntitled
from dekr.market.passthrough.queries import market_now_query, upcoming_query
from dekr.market.passthrough.service import PassThrough
from dekr.market.read.context import ReadContext
from dekr.passed_over import PassedOver
from dekr.sessions import Session
from dekr.times import rfc3339

_STOCKS: Final = ("NYSE", "NASDAQ")
_CALENDAR_ALONE: Final = (Unavailable, DeadlineExceeded, UpstreamInvalid, UpstreamNotEntitled, UnknownSymbol)


@dataclass(frozen=True, slots=True, eq=False)
class MarketHours:
    """The service of sessions and trading days. ``now_us``: the time, in microseconds since the epoch. ``passed_over`` collects
    why the calendar alone had to answer.
    """

    answers: PassThrough
    now_us: Callable[[], int]
    passed_over: PassedOver

    def status(self, context: ReadContext) -> dict[str, Any]:
        """The present session and the next change, with the fields of ``dekr.models.reference.MarketStatus``."""
        now_us = self.now_us()
        moment = sessions.at(now_us)
        upstream = self._status_since(context, moment.since_us)
        context.source = _source(upstream)
        unplanned = upstream is not None and moment.session is not Session.CLOSED and upstream["market"] == "closed"
        planned = moment.known and not unplanned
        return {
            "session": Session.CLOSED if unplanned else moment.session,
            "open": moment.session is Session.REGULAR and not unplanned,
            # Of an unplanned closure neither the start nor the end is known.
            "since": _text(moment.since_us) if planned else None,
            "next_change": _text(moment.until_us) if planned else None,
            "next_session": sessions.at(moment.until_us).session if planned else None,
            "unplanned": unplanned,
            "known": moment.known,
            "source": "calendar" if upstream is None else "calendar and upstream",
            "time": _text(now_us),
        }

    def days(self, context: ReadContext, first: date, last: date) -> list[dict[str, Any]]:
        """The days from ``first`` to ``last``, each with the fields of ``dekr.models.reference.CalendarDay``.

        Raises CalendarUnknown for days outside the calendar.
        """
        trading = [(day, sessions.trading_day(day)) for day in _days_between(first, last)]
        announced = self._announced(context)
        context.source = _source(announced)
        return [_day(day, hours, (announced or {}).get(day.isoformat(), {})) for day, hours in trading]

    def upstream_status(self, context: ReadContext) -> Any:  # noqa: ANN401 - parsed JSON
        """Polygon's state of the markets (``/v1/marketstatus/now``), as sent, parsed. Raises what the read path raises."""
        return self.answers.get(context, market_now_query(sessions.at(self.now_us()).since_us))

    def _status_since(self, context: ReadContext, since_us: int) -> Mapping[str, Any] | None:
        try:
            sent: Mapping[str, Any] = self.answers.get(context, market_now_query(since_us))
        except _CALENDAR_ALONE as error:
            self.passed_over.note(error)
            return None
        # A state that was reported in an earlier session says nothing about this one.
        reported_us = datetime.fromisoformat(sent["serverTime"]).timestamp() * 1_000_000
        return sent if reported_us >= since_us else None

    def _announced(self, context: ReadContext) -> dict[str, Mapping[str, Any]] | None:
        """The days that the upstream announces for the stock exchanges, by date; None where it cannot be asked."""
        try:
            sent = self.answers.get(context, upcoming_query())
        except _CALENDAR_ALONE as error:
            self.passed_over.note(error)
            return None
        return {day["date"]: day for day in sent if day["exchange"] in _STOCKS}


def _source(upstream: object | None) -> DataSource:
    """The source of what the calendar says, corrected by what the upstream says where it could be asked."""
    return DataSource.CALENDAR if upstream is None else DataSource.MIXED


def _day(day: date, hours: sessions.TradingDay | None, announced: Mapping[str, Any]) -> dict[str, Any]:
    unplanned = hours is not None and announced.get("status") == "closed"
    bounds = None if unplanned else hours
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


def _days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _text(us: int) -> str:
    return rfc3339(us * 1000)
