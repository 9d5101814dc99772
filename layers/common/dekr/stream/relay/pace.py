"""The times and bounds of a relay, and the reasons for its end."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from dekr.stream.delivery.outbox import BUFFER_BYTES
from dekr.stream.relay.coverage import LINGER_MS, SETTLE_MS
from dekr.stream.relay.resumes import REPLAY_BYTES
from dekr.stream.relay.rings import RING_BYTES


class Ending(Enum):
    """Why a relay has ended."""

    FENCED = "fenced"
    """Another relay has begun, or the store has lost what it knew of this one."""
    IDLE = "idle"
    """Nobody listens, and the store says that no relay runs."""
    STOPPED = "stopped"
    """It was told to stop. The store says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The times and bounds of a relay. ``tick_s``: one tick; ``linger_ms``: how long a pair, and the relay, outlive their last
    listener; ``settle_ms``: after this time a subscription has taken effect upstream; bytes that may wait for one connection, that
    one resume may replay, and of events in memory.
    """

    tick_s: float = 0.1
    linger_ms: int = LINGER_MS
    settle_ms: int = SETTLE_MS
    buffer_bytes: int = BUFFER_BYTES
    replay_bytes: int = REPLAY_BYTES
    ring_bytes: int = RING_BYTES


PACE: Final = Pace()
