"""Answers of the market status endpoints, which have no envelope. On every plan they follow the sandbox's undelayed clock."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from dekr import sessions
from dekr.calendar_table import CLOSED, EARLY
from dekr.sessions import Session
from local.sandbox.parameters import Query
from local.sandbox.trading_days import trading_day
from local.sandbox.view import View
from local.sandbox.wire import Json

EXCHANGES: Final = ("NYSE", "NASDAQ")
_LOOK_AHEAD: Final = timedelta(days=365)
_NAMES: Final = {
    2: "Washington's Birthday",
    3: "Good Friday",
    4: "Good Friday",
    5: "Memorial Day",
    6: "Juneteenth",
    7: "Independence Day",
    9: "Labor Day",
    11: "Thanksgiving",
    12: "Christmas",
}
_LAST_NEW_YEAR_DAY: Final = 3


def now(view: View, _: Query, __: Query) -> Json:
    """Answer ``/v1/marketstatus/now``."""
    session = view.session
    state = {Session.REGULAR: "open", Session.CLOSED: "closed"}.get(session, "extended-hours")
    groups = ("s_and_p", "societe_generale", "cgi", "msci", "ftse_russell", "mstar", "mstarc", "nasdaq", "dow_jones")
    index = "open" if session is Session.REGULAR else "closed"
    return {
        "afterHours": session is Session.POST,
        "currencies": {"crypto": "open", "fx": "open" if _currencies_trade(view.now_us) else "closed"},
        "earlyHours": session is Session.PRE,
        "exchanges": {"nasdaq": state, "nyse": state, "otc": index},
        "indicesGroups": dict.fromkeys(groups, index),
        "market": state,
        "serverTime": _eastern(view.now_us).isoformat(timespec="seconds"),
    }


def upcoming(view: View, _: Query, __: Query) -> list[Any]:
    """Answer ``/v1/marketstatus/upcoming``: a bare array with an item for each closed or shortened day and each exchange."""
    today = sessions.eastern_date(view.now_us)
    days = sorted(day for day in CLOSED | EARLY | set(view.closures.days) if today <= day <= today + _LOOK_AHEAD)
    return [_holiday(day, exchange, view.closures.days.get(day)) for day in days for exchange in EXCHANGES]


def _holiday(day: date, exchange: str, unplanned: str | None) -> Json:
    trading = trading_day(day) if unplanned is None else None
    item = {"date": day.isoformat(), "exchange": exchange, "name": unplanned or _name(day)}
    if trading is None:
        return item | {"status": "closed"}
    return item | {"status": "early-close", "open": _utc(trading.open_us), "close": _utc(trading.close_us)}


def _name(day: date) -> str:
    if day.month == 1:
        return "New Year's Day" if day.day <= _LAST_NEW_YEAR_DAY else "Martin Luther King, Jr. Day"
    return _NAMES.get(day.month, "Market holiday")


def _currencies_trade(now_us: int) -> bool:
    """Return whether currencies trade: from Sunday 17:00 to Friday 17:00 in New York."""
    hours = _eastern(now_us).weekday() * 24 + _eastern(now_us).hour
    return not 4 * 24 + 17 <= hours < 6 * 24 + 17


def _eastern(now_us: int) -> datetime:
    tomorrow = sessions.eastern_date(now_us) + timedelta(days=1)
    midnight = datetime.fromtimestamp(sessions.eastern_midnight_us(tomorrow) // 1_000_000, UTC)
    offset = datetime.combine(tomorrow, datetime.min.time(), UTC) - midnight
    return datetime.fromtimestamp(now_us // 1_000_000, timezone(offset))


def _utc(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
