"""The service's clock, which all of its processes share: an offset in memory that each reads whenever it asks for the time.

Scripts get the offset with the command, but a process that is stopped in the middle of sending one must not bring an old clock
along: Redis has one clock. So a worker sends a placeholder, and the proxy puts the offset in its place.
"""

from collections.abc import Callable, Sequence
from ctypes import c_longlong
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final, Protocol

from dekr.errors import StoreDown
from dekr.store import Command, Store


class Words(Protocol):
    """Whole numbers that processes share."""

    def __getitem__(self, at: int) -> int: ...

    def __setitem__(self, at: int, value: int) -> None: ...


RUNNING, QUIET, RECOVERED = 0, 1, 2

PLACEHOLDER: Final = 7_707_707_707_707_707
_WIDTH: Final = len(str(PLACEHOLDER))


@dataclass(slots=True)
class Board:
    """What the program tells its workers: the clock's offset, and which phase it is in."""

    words: Words = field(default_factory=lambda: RawArray(c_longlong, 2))

    @property
    def offset_us(self) -> int:
        """How far the service's clock is ahead of the machine's."""
        return self.words[0]

    @offset_us.setter
    def offset_us(self, value: int) -> None:
        self.words[0] = value

    @property
    def phase(self) -> int:
        """RUNNING, QUIET or RECOVERED."""
        return self.words[1]

    @phase.setter
    def phase(self, value: int) -> None:
        self.words[1] = value


def with_offset(piece: bytes, offset_us: int) -> tuple[bytes, bytes]:
    """What was sent, with the offset in the place of every placeholder; and the end of it that may be a part of one."""
    mark = str(PLACEHOLDER).encode()
    piece = piece.replace(mark, b"%0*d" % (_WIDTH, offset_us))
    kept = next((n for n in range(_WIDTH - 1, 0, -1) if piece.endswith(mark[:n])), 0)
    return piece[: len(piece) - kept], piece[len(piece) - kept :]


@dataclass(slots=True)
class DrivenStore:
    """A Store whose clock is the board's, by way of the proxy. ``failed`` is called whenever the store cannot be reached."""

    store: Store
    board: Board
    failed: Callable[[], None]

    def __post_init__(self) -> None:
        self.store.clock_offset_us = PLACEHOLDER

    @property
    def prefix(self) -> str:
        """What every key begins with."""
        return self.store.prefix

    @prefix.setter
    def prefix(self, value: str) -> None:
        self.store.prefix = value

    @property
    def clock_offset_us(self) -> int:
        """The board's offset."""
        return self.board.offset_us

    @clock_offset_us.setter
    def clock_offset_us(self, value: int) -> None:
        self.board.offset_us = value

    def run(self, *commands: Command) -> list[Any]:
        """See dekr.store.Store.run."""
        try:
            return self.store.run(*commands)
        except StoreDown:
            self.failed()
            raise

    def shards(self) -> Sequence[Store]:
        """See dekr.store.Store.shards."""
        return self.store.shards()
