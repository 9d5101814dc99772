"""The vendor's plans: the data that each includes, its delay, and its calls a minute."""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from local.sandbox.trading_days import MINUTE_US, newest_begun


class Data(Enum):
    """A kind of data that only some plans include."""

    BARS = auto()
    SNAPSHOTS = auto()
    QUOTES = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of the vendor.

    ``includes``: its data besides market status, news and reference data, which every plan has; ``per_minute``: allowed
    calls a minute (None: no limit); ``delay_us``: the delay of its data; ``end_of_day``: it shows nothing of a trading
    day before all sessions of that day are over; ``channels``: those of its stream, none if it has no stream.
    """

    name: str
    includes: frozenset[Data]
    per_minute: int | None = None
    delay_us: int = 0
    end_of_day: bool = False
    channels: frozenset[str] = frozenset()

    @property
    def status(self) -> str:
        """The ``status`` field of its answers: DELAYED or OK."""
        return "DELAYED" if self.delay_us else "OK"

    def seen_us(self, now_us: int) -> int:
        """Return the moment up to which the plan shows the market, in microseconds."""
        if self.end_of_day:
            # The day before is corrected meanwhile, so time goes on until the next day's first session.
            newest = newest_begun(now_us)
            return now_us if newest.post_close_us <= now_us else newest.pre_open_us - 1
        return now_us - self.delay_us


FREE: Final = Plan("free", frozenset({Data.BARS}), per_minute=5, end_of_day=True)
STARTER: Final = Plan(
    "starter",
    frozenset({Data.BARS, Data.SNAPSHOTS}),
    delay_us=15 * MINUTE_US,
    channels=frozenset({"A", "AM"}),
)
ADVANCED: Final = Plan("advanced", frozenset(Data), channels=frozenset({"T", "Q", "A", "AM", "LULD"}))
PLANS: Final = {plan.name: plan for plan in (FREE, STARTER, ADVANCED)}


class Meter:
    """Counts the calls of the last minute on the sandbox's clock."""

    def __init__(self, per_minute: int | None) -> None:
        self._per_minute = per_minute
        self._calls: deque[int] = deque()

    def allows(self, now_us: int) -> bool:
        """Return whether one more call is allowed now. An allowed call is counted."""
        if self._per_minute is None:
            return True
        # A clock that was set back leaves calls in the future; they no longer count.
        while self._calls and not now_us - MINUTE_US < self._calls[0] <= now_us:
            self._calls.popleft()
        if len(self._calls) >= self._per_minute:
            return False
        self._calls.append(now_us)
        return True
