"""The range of days in a query of the calendar."""

from datetime import date, timedelta
from typing import Final

from dekr.calendar_table import FIRST, LAST
from dekr.errors import InvalidInput
from dekr.sessions import eastern_date
from dekr.times import day_of

DEFAULT_SPAN: Final = timedelta(days=30)
MAX_SPAN: Final = timedelta(days=366)


def days(first: str | None, last: str | None, now_us: int) -> tuple[date, date]:
    """The first and the last day of the range between the parameters ``from`` and ``to``.

    Without a first one the range begins today in New York (or on the last one, if that is earlier), without a last one it ends 30
    days later. Raises InvalidInput for a text that is no day, a day outside the calendar, and a range that is empty or too long.
    """
    today = eastern_date(now_us)
    if first is None and today > LAST:
        raise InvalidInput("from", f"is required: the calendar ends on {LAST}")
    end = _day("to", last) if last is not None else None
    start = _day("from", first) if first is not None else min(today, end or today)
    end = end or min(start + DEFAULT_SPAN, LAST)
    if start > end:
        raise InvalidInput("from", "must not be after to")
    if end - start > MAX_SPAN:
        raise InvalidInput("from", f"the range must not span more than {MAX_SPAN.days} days")
    return start, end


def _day(field: str, text: str) -> date:
    day = day_of(text)
    if day is None:
        raise InvalidInput(field, "must be a day (YYYY-MM-DD)")
    if not FIRST <= day <= LAST:
        raise InvalidInput(field, f"must lie in the calendar, which covers {FIRST} to {LAST}")
    return day
