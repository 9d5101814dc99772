"""The previous trading day, whose close stands for a ticker's price where there is nothing newer."""

from datetime import date, timedelta

from dekr import sessions


def previous_close_us(now_us: int) -> int | None:
    """The moment of the previous trading day's close; None where the calendar does not know."""
    try:
        day = sessions.trading_day(previous_day(now_us))
    except sessions.CalendarUnknown:
        return None
    return day.close_us if day else None


def previous_day(now_us: int) -> date:
    """The last trading day before the present day in New York; the last weekday where the calendar does not know."""
    day = sessions.eastern_date(now_us) - timedelta(days=1)
    while not _is_trading_day(day):
        day -= timedelta(days=1)
    return day


def _is_trading_day(day: date) -> bool:
    try:
        return sessions.trading_day(day) is not None
    except sessions.CalendarUnknown:
        return day.weekday() < 5  # noqa: PLR2004 - Saturday is 5
