"""Which changes of subscriptions clients have been told of: a successor of this relay goes on from there."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from dekr.stream.delivery.outbox import Outbox

MAX_WAITING: Final = 300
"""A connection that takes nothing for longer than so many ticks with changes is not waited for."""


class Acknowledgements:
    """The changes that were applied, and how much of each outbox must be delivered before its client knows of them."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, list[tuple[Outbox, int]]]] = deque(maxlen=MAX_WAITING)

    def add(self, before: str, outboxes: Iterable[Outbox]) -> None:
        """Take note that changes after the position ``before`` were applied: what these outboxes have now tells of them."""
        marks = [(outbox, outbox.added) for outbox in outboxes]
        if marks:
            self._waiting.append((before, marks))

    def position(self, applied: str) -> str:
        """The position in the change log up to which all are told; ``applied`` at the latest."""
        while self._waiting and all(outbox.gone or outbox.delivered >= mark for outbox, mark in self._waiting[0][1]):
            self._waiting.popleft()
        return self._waiting[0][0] if self._waiting else applied
