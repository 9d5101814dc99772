"""The sandbox's clock: real time plus an offset that can be driven."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EARLIEST = datetime(2016, 2, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Clock:
    """Microseconds since the epoch. It never stands still: setting it moves it, and time goes on from there."""

    def __init__(self) -> None:
        self._offset_us = 0

    def now_us(self) -> int:
        """The sandbox's time."""
        return time.time_ns() // 1000 + self._offset_us

    def set(self, moment: datetime) -> None:
        """Go to a moment. Raises ValueError for one without a time zone or before or after the market's years."""
        if moment.tzinfo is None:
            raise ValueError("now: must have a time zone, as in 2026-11-20T15:00:00Z")
        if not _EARLIEST <= moment <= _LATEST:
            raise ValueError(f"now: must lie between {_EARLIEST:%Y-%m-%d} and {_LATEST:%Y-%m-%d}")
        self._offset_us = (moment - _EPOCH) // _MICROSECOND - time.time_ns() // 1000

    def advance(self, seconds: float) -> None:
        """Go that far on (or back, where negative). Raises ValueError as ``set`` does."""
        try:
            self.set(self.moment() + timedelta(seconds=seconds))
        except (OverflowError, ValueError):
            raise ValueError("advance_s: leads out of the market's years") from None

    def moment(self) -> datetime:
        """The sandbox's time as a UTC datetime."""
        return _EPOCH + timedelta(microseconds=self.now_us())

    def text(self) -> str:
        """The sandbox's time in RFC 3339."""
        return self.moment().isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """A moment in RFC 3339. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("now: must be a time as in 2026-11-20T15:00:00Z") from None
