"""The moments at which the local cloud can be put, so that a trading session can be watched at any hour.

``open`` is half an hour after the open, ``preopen`` a minute before it and ``close`` a minute before the close, each of today or
else of the last trading day; ``split`` is a minute before the day in New York on which a well-known ticker of the simulated
market was split last. Anything else is a moment in RFC 3339.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from dekr import sessions
from dekr.sessions import TradingDay
from local.sandbox.clock import Clock, parse_moment
from local.sandbox.universe import SPLITS
from local.stack.launcher import StackError

MINUTE_US: Final = 60_000_000
AFTER_OPEN_US: Final = 30 * MINUTE_US
NAMES: Final = ("open", "preopen", "close", "split")


def clock_offset_us(at: str | None, now_us: int) -> int:
    """Return by how much the clocks of a stack are ahead of the machine's (microseconds) when it is put at a moment ``now_us``.

    0 where ``at`` is empty. Raises StackError, in one sentence, where it is no such moment.
    """
    if not at:
        return 0
    try:
        wanted = _named_us(at, now_us) if at in NAMES else _rfc3339_us(at)
    except ValueError:
        names = ", ".join(NAMES)
        raise StackError(
            f"AT must be one of {names}, or a moment from 2016-02-01 on with its time zone, as in 2026-11-20T15:00:00Z."
        ) from None
    except sessions.CalendarUnknown as error:
        raise StackError(f"AT must be a moment such as 2026-11-20T15:00:00Z: {error}.") from None
    return wanted - now_us


def _named_us(name: str, now_us: int) -> int:
    today = sessions.eastern_date(now_us)
    if name == "split":
        return sessions.eastern_midnight_us(max(day for day, _ in SPLITS.values() if day <= today)) - MINUTE_US
    day = _last_trading_day(today)
    moments = {
        "open": day.open_us + AFTER_OPEN_US,
        "preopen": day.open_us - MINUTE_US,
        "close": day.close_us - MINUTE_US,
    }
    return moments[name]


def _last_trading_day(day: date) -> TradingDay:
    while (found := sessions.trading_day(day)) is None:
        day -= timedelta(days=1)
    return found


def _rfc3339_us(text: str) -> int:
    """Read a moment in the years that the simulated market covers. Raises ValueError."""
    moment, clock = parse_moment(text), Clock(lambda: 0)
    clock.set(moment)
    return clock.now_us()


def moment_text(offset_us: int, now_us: int) -> str:
    """Return where a stack's clocks stand, for a person."""
    moment = datetime.fromtimestamp((now_us + offset_us) // 1_000_000, UTC)
    return moment.isoformat().replace("+00:00", "Z")
