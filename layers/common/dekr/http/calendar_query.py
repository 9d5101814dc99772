"""The range of days that a caller of the calendar asks for."""

from datetime import date, timedelta
from typing import Final

from dekr.calendar_table import FIRST, LAST
from dekr.errors import InvalidInput
from dekr.sessions import eastern_date

USUAL: Final = timedelta(days=30)
MOST: Final = timedelta(days=366)


def days(first: str | None, last: str | None, now_us: int) -> tuple[date, date]:
    """The first and last day; today in New York and the 30 days after it where they are left out. Raises InvalidInput."""
    start = _day("from", first) if first is not None else eastern_date(now_us)
    end = _day("to", last) if last is not None else min(start + USUAL, LAST)
    if start > end:
        raise InvalidInput("from", "must not be after to")
    if end - start > MOST:
        raise InvalidInput("from", f"the range must not span more than {MOST.days} days")
    return start, end


def _day(field: str, text: str) -> date:
    try:
        day = date.fromisoformat(text) if len(text) == len("2026-11-20") else None
    except ValueError:
        day = None
    if day is None:
        raise InvalidInput(field, "must be a day (YYYY-MM-DD)")
    if not FIRST <= day <= LAST:
        raise InvalidInput(field, f"must lie in the calendar, which covers {FIRST} to {LAST}")
    return day
