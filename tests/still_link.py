"""A link to a real Redis on which time stands still until a test drives it: however slow the machine is, nothing ages by itself."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

import dekr
from dekr.store import Command, Script
from dekr.store.connection import StoreConnection
from dekr.store.link import Link
from tests.patience import patient

TIME: Final = "redis.call('TIME')"
"""The call with which a script reads Redis's clock."""


@dataclass
class StillClock:
    """``at_us``: microseconds since the epoch. Links may share one."""

    at_us: int = 0


class StillLink(Link):
    """Scripts see the time of ``clock``. A round trip takes a microsecond, so that what happens later has a later stamp. Keys
    expire by Redis's own clock all the same.
    """

    def __init__(self, connection: StoreConnection, prefix: str = "dekr:") -> None:
        self.clock = StillClock()
        self._sending = False
        super().__init__(connection, prefix)

    @property
    def clock_offset_us(self) -> int:
        """The microseconds to add to the machine's clock now; while commands are sent, those to add to a clock that shows 0."""
        return self.clock.at_us if self._sending else self.clock.at_us - _machine_us()

    @clock_offset_us.setter
    def clock_offset_us(self, offset_us: int) -> None:
        self.clock.at_us = _machine_us() + offset_us

    def run(self, *commands: Command) -> list[Any]:
        """See dekr.store.Store.run."""
        self.clock.at_us += 1
        self._sending = True
        try:
            return super().run(*map(_still, commands))
        finally:
            self._sending = False


def still_link(url: str) -> StillLink:
    """A link on which time stands still, and which waits for a store that is only slow."""
    made = StillLink.open(url)
    assert isinstance(made, StillLink)
    return patient(made)


def scripts() -> Iterator[Script]:
    """Every script of the service, as it is and as it is sent here."""
    for module in walk_packages(dekr.__path__, "dekr."):
        for found in vars(import_module(module.name)).values():
            if isinstance(found, Script):
                yield from (found, _without_a_clock(found))


def _still(command: Command) -> Command:
    if command.script is None:
        return command
    return Command(command.words, command.keys, _without_a_clock(command.script))


@cache
def _without_a_clock(script: Script) -> Script:
    return Script(script.name, script.source.replace(TIME, "{0, 0}"))


def _machine_us() -> int:
    return time.time_ns() // 1000
