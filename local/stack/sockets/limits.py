"""The limits of API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of connections and of an account. Sizes are in bytes.

    ``frame`` and ``message``: what a client may send; a message may consist of several frames, and a post is a message.
    ``integration_s``: the time that the function may take for an event. ``idle_s``: how long nothing but pings may pass.
    ``duration_s``: the age of a connection. ``buffer``: the bytes that may wait for a client that does not read; AWS does not say
    how many. ``connects``, ``requests``: new connections and requests a second; ``burst``: as many requests at once.
    ``invocations``: as many events are with the function at once, the others wait; AWS gives an account 1 000, and refuses more.
    """

    frame: int = 32 * 1024
    message: int = 128 * 1024
    integration_s: float = 29.0
    idle_s: float = 600.0
    duration_s: float = 7200.0
    buffer: int = 256 * 1024
    connects: float = 500.0
    requests: float = 10_000.0
    burst: float = 5_000.0
    invocations: int = 1_000


class Rate:
    """A token bucket: ``per_s`` a second, ``burst`` at once. ``now_s`` is the clock."""

    def __init__(self, per_s: float, burst: float, now_s: Callable[[], float]) -> None:
        self._per_s, self._burst, self._now_s = per_s, burst, now_s
        self._tokens, self._at_s = burst, now_s()

    def take(self) -> bool:
        """Take a token. False where there is none."""
        now_s = self._now_s()
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
