"""A program that prints a line of JSON for each thing that it gets from a stream, and what it has printed so far."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.stack.folder import ROOT, TOOLS
from tests.e2e.stacks import NODE
from tests.patience import HANG_S

PROGRAMS: Final = ROOT / "tests/e2e/clients/programs"
FOREIGN: Final = TOOLS / "foreign/bin/python"
SCRIPT: Final = ROOT / "tests/e2e/clients/js/stream.mjs"

type Item = dict[str, Any]


@dataclass(slots=True, eq=False)
class Listening:
    """A running program. ``items``: what it has printed; ``noise``: the last lines that were no items."""

    process: subprocess.Popen[str]
    items: list[Item] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self, lines: Sequence[str] | Any) -> None:
        """Take in lines until there are no more."""
        for line in lines:
            with self._changed:
                try:
                    self.items.append(json.loads(line))
                except ValueError:
                    self.noise = [*self.noise[-200:], line.rstrip()]
                self._changed.notify_all()

    def until(self, enough: Callable[[list[Item]], bool], what: str) -> list[Item]:
        """The items as soon as they are enough. Fails where they never are."""
        with self._changed:
            found = self._changed.wait_for(lambda: enough(self.items), HANG_S)
            assert found, f"no {what}; last items {self.items[-5:]}, other lines {self.noise[-20:]}"
            return list(self.items)

    def until_noise(self, text: str) -> None:
        """Wait for a line that is no item and holds this text."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(text in line for line in self.noise), HANG_S)
            assert found, f"no line with {text!r} among {self.noise[-20:]}; items {self.items[-5:]}"


@contextmanager
def listening(*command: str | Path, folder: Path = ROOT) -> Iterator[Listening]:
    """Run a program in a folder while the context lasts."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = subprocess.Popen(  # noqa: S603 - ours
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    found = Listening(process)
    assert process.stdout is not None
    reader = threading.Thread(target=found.read, args=(process.stdout,))
    reader.start()
    try:
        yield found
    finally:
        # Its group: what is installed as node starts the real one as a process of its own.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()


def vendor(python: str, package: str, url: str, key: str, pairs: str) -> list[str | Path]:
    """The command that runs the vendor's Python client: ``massive``, or ``polygon`` of the older package."""
    return [python, PROGRAMS / "vendor.py", package, url, key, pairs]


def javascript(url: str, key: str, pairs: str) -> list[str | Path]:
    """The command that runs the vendor's JavaScript client."""
    return [NODE, SCRIPT, url, key, pairs]


def foreign(url: str, key: str, ticker: str) -> list[str | Path]:
    """The command that runs the community's client on a ticker's trades and quotes."""
    return [FOREIGN, PROGRAMS / "foreign.py", url, key, ticker]
