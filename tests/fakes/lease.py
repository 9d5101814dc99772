"""The relay's lease in memory, as one run sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dekr.errors import Unavailable
from dekr.stream.shift.lease import HELD_S, LIFE_MS, Held, Holder


@dataclass
class LeaseTable:
    """The table: who has the lease, and the last epoch. ``down``: it cannot be reached."""

    held: Held | None = None
    epoch: int = 0
    down: bool = False


@dataclass
class FakeLease:
    table: LeaseTable
    holder: Holder
    now_ms: Callable[[], int]
    epoch: int = 0
    renewals: int = 0
    released: int = 0
    renewed_ms: int | None = field(default=None, init=False)

    def read(self) -> Held | None:
        self._reach()
        held = self.table.held
        return held if held and held.expires_ms > self.now_ms() else None

    def take(self) -> Held | None:
        if other := self.read():
            return other
        self.table.epoch += 1
        self.epoch = self.table.epoch
        self._hold()
        return None

    def renew(self) -> bool:
        self._reach()
        self.renewals += 1
        if self.table.held is None or self.table.held.holder != self.holder:
            self.renewed_ms = None
            return False
        self._hold()
        return True

    def release(self) -> None:
        self.renewed_ms = None
        self.released += 1
        self._reach()
        if self.table.held and self.table.held.holder == self.holder:
            self.table.held = None

    def held(self) -> bool:
        return self.renewed_ms is not None and self.now_ms() - self.renewed_ms < HELD_S * 1000

    def _hold(self) -> None:
        self.renewed_ms = self.now_ms()
        self.table.held = Held(self.holder, self.epoch, self.renewed_ms + LIFE_MS)

    def _reach(self) -> None:
        if self.table.down:
            raise Unavailable("down", retry_after_s=1)
