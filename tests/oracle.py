"""The freshness promise, written a second time: slow, obvious, and from other sources than the service's own table.

Days and closes come from a calendar library, clock times from the time zone database.
"""

import warnings
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars

NEW_YORK = ZoneInfo("America/New_York")
LATE_PRINTS = timedelta(minutes=20)
REAL_TIME_S = {1: 3600, 2: 900, 3: 900, 4: 300, 5: 300, 6: 60, 7: 30}


@cache
def _calendar() -> exchange_calendars.ExchangeCalendar:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's own, under the newest pandas
        return exchange_calendars.get_calendar("XNYS", start="2026-01-01", end="2027-12-31")


@cache
def bounds(day: date) -> tuple[datetime, datetime, datetime, datetime] | None:
    """Return the starts of a day's pre-market, regular session and after-hours, and the end of the after-hours."""
    calendar = _calendar()
    if not calendar.is_session(day.isoformat()):
        return None
    opened = calendar.session_open(day.isoformat()).to_pydatetime()
    closed = calendar.session_close(day.isoformat()).to_pydatetime()
    late = time(20) if closed.astimezone(NEW_YORK).time() == time(16) else time(17)
    return (
        datetime.combine(day, time(4), NEW_YORK),
        opened,
        closed,
        datetime.combine(day, late, NEW_YORK),
    )


def session(now: datetime) -> tuple[str, datetime]:
    """Return the name and the start of the session at a moment."""
    day = now.astimezone(NEW_YORK).date()
    today = bounds(day)
    if today and today[0] <= now < today[3]:
        names = ("pre", "regular", "post")
        which = 2 if now >= today[2] else 1 if now >= today[1] else 0
        return names[which], today[which]
    while True:
        found = bounds(day)
        if found and found[3] <= now:
            return "closed", found[3]
        day -= timedelta(days=1)


def may_have(tier: int, fetched: datetime, now: datetime) -> bool:
    """Return whether a reader of this tier may have a quote at ``now`` whose fetch started at ``fetched``."""
    name, since = session(now)
    age_s = REAL_TIME_S[tier]
    if name in ("pre", "post"):
        age_s = max(age_s, min(4 * age_s, 3600))
    if name == "closed" and fetched >= since + LATE_PRINTS:
        return True
    return now - fetched < timedelta(seconds=age_s)


def bars_settled_from(moment: datetime) -> datetime:
    """Return the moment from which on bars of what was traded before ``moment`` do not change: the start of the first trading
    day after the last one that had begun by then.
    """
    day = (moment - timedelta(microseconds=1)).astimezone(NEW_YORK).date()
    found = bounds(day)
    while found is None or found[0] < moment:
        day += timedelta(days=1)
        found = bounds(day)
    return found[0]


def may_have_bars(age_s: int, fetched: datetime, now: datetime, until: datetime) -> bool:
    """Return whether a reader may have bars at ``now`` whose fetch started at ``fetched``.

    ``age_s``: the largest age that the reader's tier allows for them in the present session; ``until``: the end of what is
    needed of them.
    """
    if fetched >= bars_settled_from(until):
        return True
    name, since = session(now)
    return (name == "closed" and fetched >= since + LATE_PRINTS) or now - fetched < timedelta(seconds=age_s)
