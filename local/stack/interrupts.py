"""Turn Ctrl-C and SIGTERM into one exception that can be deferred until a step that must not be interrupted is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked the program to end. It is no error, so only the outermost edge catches it."""


class Interrupts:
    """Raises Interrupted in the main thread at the first signal; later signals have no effect."""

    def __init__(self) -> None:
        self._received = False
        self._depth = 0

    def listen(self) -> None:
        """Handle the signals for the rest of the program."""
        for number in SIGNALS:
            signal.signal(number, self._arrive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer a signal that arrives inside the context: Interrupted is raised at its end."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._received and not self._depth:
            raise Interrupted

    def _arrive(self, _number: int, _frame: FrameType | None) -> None:
        first, self._received = not self._received, True
        if first and not self._depth:
            raise Interrupted
