"""A store between which and its user the connection breaks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from dekr.errors import StoreDown
from dekr.store import Command, Store


@dataclass(eq=False)
class CutStore:
    """A Store that passes everything on, and notes it in ``sent``. ``cuts``: for each of the next batches the numbers of its
    commands that arrive, all of whose replies are lost then; None for a batch that passes.
    """

    store: Store
    cuts: list[Collection[int] | None] = field(default_factory=list)
    sent: list[tuple[Command, ...]] = field(default_factory=list)

    prefix: str = "dekr:"
    clock_offset_us: int = 0

    def run(self, *commands: Command) -> list[Any]:
        self.sent.append(commands)
        arriving = self.cuts.pop(0) if self.cuts else None
        if arriving is None:
            return self.store.run(*commands)
        if found := [command for number, command in enumerate(commands) if number in arriving]:
            self.store.run(*found)
        raise StoreDown

    def shards(self) -> Sequence[Store]:
        return self.store.shards()
