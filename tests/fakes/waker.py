"""The start of the relay, noted in place of being made."""

from dataclasses import dataclass


@dataclass(eq=False)
class FakeWaker:
    """``wakes``: how often the relay was started."""

    wakes: int = 0

    def wake(self) -> None:
        self.wakes += 1
