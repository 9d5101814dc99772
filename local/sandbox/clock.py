"""The sandbox's clock: real time plus an offset that can be set."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = datetime(2016, 2, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def _machine_us() -> int:
    return time.time_ns() // 1000


class Clock:
    """A clock in microseconds since the epoch. After it is set, time goes on from the new moment as ``machine_us`` does."""

    def __init__(self, machine_us: Callable[[], int] = _machine_us) -> None:
        self._machine_us = machine_us
        self._offset_us = 0

    def now_us(self) -> int:
        """Return the sandbox's time in microseconds since the epoch."""
        return self._machine_us() + self._offset_us

    def set(self, moment: datetime) -> None:
        """Set the clock to a moment.

        Raises ValueError if the moment has no time zone, or lies before 2016-02-01 or after 2100-01-01.
        """
        if moment.tzinfo is None:
            raise ValueError("now: must have a time zone, as in 2026-11-20T15:00:00Z")
        if not _EARLIEST <= moment <= _LATEST:
            raise ValueError(f"now: must lie between {_EARLIEST:%Y-%m-%d} and {_LATEST:%Y-%m-%d}")
        self._offset_us = (moment - _EPOCH) // _MICROSECOND - self._machine_us()

    def shift(self, offset_us: int) -> None:
        """Let the clock be this many microseconds ahead of the machine's.

        Raises ValueError if that leads out of the years that the simulated market covers.
        """
        self.set(_EPOCH + timedelta(microseconds=self._machine_us() + offset_us))
        self._offset_us = offset_us

    def advance(self, seconds: float) -> None:
        """Move the clock forward by that many seconds, or back if the number is negative.

        Raises ValueError if that leads out of the years that the simulated market covers.
        """
        try:
            self.set(self.moment() + timedelta(seconds=seconds))
        except (OverflowError, ValueError):
            raise ValueError("advance_s: leads out of the market's years") from None

    def moment(self) -> datetime:
        """Return the sandbox's time as a datetime in UTC."""
        return _EPOCH + timedelta(microseconds=self.now_us())

    def text(self) -> str:
        """Return the sandbox's time in RFC 3339 with microseconds, as in ``2026-11-20T15:00:00.000000Z``."""
        return self.moment().isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """Parse a moment in RFC 3339. Raises ValueError if the text is no such moment."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("now: must be a time as in 2026-11-20T15:00:00Z") from None
