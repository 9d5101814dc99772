"""Write the table of closures and early closes, ``dekr/calendar_table.py``: ``python -m local.calendar_table``.

The days come from the calendar library `exchange-calendars`. The tests compare the table with it and with a second
library, day by day.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

import exchange_calendars

TABLE: Final = Path(__file__).parents[1] / "layers/common/dekr/calendar_table.py"
FIRST: Final = date(2003, 1, 1)
LAST: Final = date(2027, 12, 31)
_SATURDAY: Final = 5

_TEXT: Final = '''\
"""Closures and early closes of the US equity markets. Written by ``python -m local.calendar_table``; do not edit.

``CLOSED``: weekdays without trading. ``EARLY``: trading days that end early. Both are complete from ``FIRST`` to
``LAST``.
"""

from datetime import date
from typing import Final

FIRST: Final = date({first:%Y, %-m, %-d})
LAST: Final = date({last:%Y, %-m, %-d})

_CLOSED: Final = """
{closed}
"""

_EARLY: Final = """
{early}
"""

CLOSED: Final = frozenset(map(date.fromisoformat, _CLOSED.split()))
EARLY: Final = frozenset(map(date.fromisoformat, _EARLY.split()))
'''


def table() -> str:
    """Return the source text of the module ``dekr/calendar_table.py``."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=LAST.isoformat())
    trading = {session.date() for session in calendar.sessions}
    days = (FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1))
    closed = (day for day in days if day.weekday() < _SATURDAY and day not in trading)
    early = (session.date() for session in calendar.early_closes)
    return _TEXT.format(first=FIRST, last=LAST, closed=_lines(closed), early=_lines(early))


def _lines(days: Iterable[date]) -> str:
    """Return the days in order, one line for each year."""
    years = groupby(sorted(days), key=lambda day: day.year)
    return "\n".join(" ".join(map(date.isoformat, of_year)) for _, of_year in years)


if __name__ == "__main__":
    TABLE.write_text(table())
