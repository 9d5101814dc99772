"""The rate of posts that the account allows, and what a refusal of one (429) means.

API Gateway answers 429 for two reasons: the account's rate is used up, which it shares with REST, or one connection's buffer is
full. Nothing in the answer tells them apart; how many connections are refused at once does.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from collections.abc import Awaitable, Callable
from typing import Final

from dekr.stream.ports import Delivered

PER_SECOND: Final = 7_000.0
"""Posts a second of all connections: 10 000 is the account's default, and REST needs its part."""

BURST_S: Final = 0.2
"""The posts of so many seconds may be sent at once."""

RECOVERY_S: Final = 10.0
"""From a standstill the full rate is reached again after so long."""

ONE_EVENT_S: Final = 0.5
"""Refusals within so long are one event: they were on their way together."""

LOWEST_PART: Final = 0.05
WINDOW_S: Final = 0.25
SEVERAL: Final = 3


class PostRate:
    """A token bucket of ``per_second``. Its rate halves when the account's turns out to be used up, and then grows steadily again.
    ``monotonic`` (s) and ``sleep`` are its clock.
    """

    def __init__(
        self, per_second: float, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._full = per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_s = 0.0
        """The moment at which the next token is due, if tokens are spent evenly."""
        self._slowed_to = per_second
        self._slowed_s = 0.0

    @property
    def per_second(self) -> float:
        """The present rate."""
        grown = self._full * (self._monotonic() - self._slowed_s) / RECOVERY_S
        return min(self._full, self._slowed_to + grown)

    async def take(self) -> None:
        """Wait for a token. Tokens are given in the order of the calls."""
        now_s = self._monotonic()
        due_s = max(self._next_s, now_s)
        self._next_s = due_s + 1 / self.per_second
        wait_s = due_s - BURST_S - now_s
        if wait_s > 0:
            await self._sleep(wait_s)

    def slow(self) -> None:
        """Halve the rate, once for each event."""
        now_s = self._monotonic()
        if self._slowed_to == self._full or now_s - self._slowed_s >= ONE_EVENT_S:
            self._slowed_to = max(self._full * LOWEST_PART, self.per_second / 2)
            self._slowed_s = now_s
            # What may be sent at once was for the full rate.
            self._next_s = max(self._next_s, now_s + BURST_S)


class Refusals:
    """Judges refusals: of SEVERAL connections within WINDOW_S they are the account's. A connection that is known to be slow proves
    nothing: slow clients are refused all the time, and there may be many of them.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._recent: dict[str, float] = {}
        """When each connection was refused first within the window; those that are known to be slow are left out."""
        self._slow: set[str] = set()

    def judge(self, connection: str) -> Delivered:
        """SLOW or THROTTLED: what this refusal means."""
        now_s = self._monotonic()
        self._recent = {each: at_s for each, at_s in self._recent.items() if now_s - at_s <= WINDOW_S}
        if connection not in self._slow:
            self._recent.setdefault(connection, now_s)
        if len(self._recent) >= SEVERAL:
            return Delivered.THROTTLED
        self._slow.add(connection)
        return Delivered.SLOW

    def forget(self, connection: str) -> None:
        """Note that the connection took a frame, or is gone."""
        self._slow.discard(connection)
