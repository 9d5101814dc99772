"""The service's clock: an offset in shared memory that all of the service's processes read together with the time.

Scripts receive the offset with the command. A process that is stopped while it sends a command must not deliver an
outdated offset, because Redis has one clock. So a worker sends a placeholder, and the proxy replaces it with the
present offset.
"""

from collections.abc import Callable, Sequence
from ctypes import c_longlong
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final, Protocol

from dekr.errors import StoreDown
from dekr.store import Command, Store


class SharedIntegers(Protocol):
    """A fixed-size array of integers that processes share."""

    def __getitem__(self, at: int) -> int: ...

    def __setitem__(self, at: int, value: int) -> None: ...


RUNNING, QUIET, RECOVERED = 0, 1, 2
"""The phases of a run: faults happen; they are over; the workers send their last requests."""

PLACEHOLDER: Final = 7_707_707_707_707_707
"""Sent by workers in the place of the clock's offset."""

_WIDTH: Final = len(str(PLACEHOLDER))


@dataclass(slots=True)
class SharedState:
    """The state that the program shares with its workers: the clock's offset and the phase of the run."""

    integers: SharedIntegers = field(default_factory=lambda: RawArray(c_longlong, 2))

    @property
    def offset_us(self) -> int:
        """The offset of the service's clock from this machine's, in microseconds."""
        return self.integers[0]

    @offset_us.setter
    def offset_us(self, value: int) -> None:
        self.integers[0] = value

    @property
    def phase(self) -> int:
        """RUNNING, QUIET or RECOVERED."""
        return self.integers[1]

    @phase.setter
    def phase(self, value: int) -> None:
        self.integers[1] = value


def with_offset(chunk: bytes, offset_us: int) -> tuple[bytes, bytes]:
    """Replace every placeholder in a chunk of bytes by the offset.

    Return the bytes that can be passed on, and the bytes at the end that may be the beginning of a cut placeholder.
    """
    placeholder = str(PLACEHOLDER).encode()
    chunk = chunk.replace(placeholder, b"%0*d" % (_WIDTH, offset_us))
    held_bytes = next((n for n in range(_WIDTH - 1, 0, -1) if chunk.endswith(placeholder[:n])), 0)
    return chunk[: len(chunk) - held_bytes], chunk[len(chunk) - held_bytes :]


@dataclass(slots=True)
class DrivenStore:
    """A Store whose clock is the shared one, with the help of the proxy. ``failed`` is called whenever the store is
    unreachable.
    """

    store: Store
    shared: SharedState
    failed: Callable[[], None]

    def __post_init__(self) -> None:
        self.store.clock_offset_us = PLACEHOLDER

    @property
    def prefix(self) -> str:
        """The prefix of every key."""
        return self.store.prefix

    @prefix.setter
    def prefix(self, value: str) -> None:
        self.store.prefix = value

    @property
    def clock_offset_us(self) -> int:
        """The offset of the service's clock from this machine's, in microseconds."""
        return self.shared.offset_us

    @clock_offset_us.setter
    def clock_offset_us(self, value: int) -> None:
        self.shared.offset_us = value

    def run(self, *commands: Command) -> list[Any]:
        """Run the commands in one round trip, as Store.run does. Calls ``failed`` and raises StoreDown if the store is
        unreachable.
        """
        try:
            return self.store.run(*commands)
        except StoreDown:
            self.failed()
            raise

    def shards(self) -> Sequence[Store]:
        """Return the stores of the single shards, as Store.shards does."""
        return self.store.shards()
