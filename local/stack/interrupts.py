"""Ctrl-C and SIGTERM as one exception that can wait until a thing that must not be half done is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked the program to end. No error: nothing but the outermost edge catches it."""


class Interrupts:
    """Turns the first signal into Interrupted, raised in the main thread; later ones change nothing."""

    def __init__(self) -> None:
        self._came = False
        self._held = 0

    def listen(self) -> None:
        """Take the signals over for the rest of the program."""
        for number in SIGNALS:
            signal.signal(number, self._arrive)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal that comes inside is raised at the end."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._came and not self._held:
            raise Interrupted

    def _arrive(self, _number: int, _frame: FrameType | None) -> None:
        first, self._came = not self._came, True
        if first and not self._held:
            raise Interrupted
