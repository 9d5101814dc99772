"""Starts the stack's processes, each in a group of its own with a log of its own, and writes down what it started."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from local.stack.folder import ROOT, Folder, read_json, write_json
from local.stack.interrupts import Interrupts
from local.stack.processes import Process, alive, end, end_alone

STARTER: Final = "starter"
READY_S: Final = 60.0
TAIL: Final = 15


class StackError(Exception):
    """The stack cannot start: what failed in one line, then the end of the log that says why."""


def with_tail(reason: str, log: Path) -> StackError:
    """The error with the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else []
    return StackError("\n".join([f"{reason} ({log})", *(f"  | {line}" for line in lines)]))


class Launcher:
    """The processes of one start."""

    def __init__(self, folder: Folder, interrupts: Interrupts) -> None:
        self.folder = folder
        self._interrupts = interrupts
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._known = [Process.identify(STARTER, os.getpid())]
        self._note()

    def start(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start a process that stays."""
        with self._interrupts.held(), self.log(name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the commands are ours
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running[name] = process
            self._known.append(Process.identify(name, process.pid))
            self._note()

    def finish(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Run a command to its end. Raises StackError where it fails."""
        self.start(name, command, environment)
        if self._running.pop(name).wait() != 0:
            raise with_tail(f"{name} failed", self.log(name))
        self._known = [process for process in self._known if process.name != name]
        self._note()

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a process that was started is ready. Raises StackError where it ends or takes too long."""
        deadline = time.monotonic() + READY_S
        while not ready():
            self.check(name)
            if time.monotonic() > deadline:
                raise with_tail(f"{name} is not ready after {READY_S:.0f} s", self.log(name))
            time.sleep(0.05)

    def address(self, name: str, scheme: str = "http") -> str:
        """The address that a process says it listens on."""
        said = re.compile(rf"listening on ({scheme}://127\.0\.0\.1:\d+\S*)")
        self.wait(name, lambda: said.search(self._text(name)) is not None)
        found = said.search(self._text(name))
        assert found is not None
        return found[1]

    def check(self, *names: str) -> None:
        """Raise StackError for a process that has ended (without names: any of them)."""
        for name in names or self._running:
            status = self._running[name].poll()
            if status is not None:
                raise with_tail(f"{name} ended with status {status}", self.log(name))

    def detach(self) -> None:
        """Leave the processes to themselves: this program ends before they do."""
        self._known = [process for process in self._known if process.name != STARTER]
        self._note()

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.folder.logs / f"{name}.log"

    def _text(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")

    def _note(self) -> None:
        write_json(self.folder.processes, [asdict(process) for process in self._known])


def recorded(folder: Folder) -> list[Process]:
    """The processes that were written down in a folder."""
    return [Process(**entry) for entry in read_json(folder.processes) or []]


def end_recorded(folder: Folder) -> bool:
    """End whatever runs of a stack, who starts it or runs it included; True where there was something to end."""
    processes = alive(recorded(folder))
    for process in processes:
        if process.name == STARTER and process.pid != os.getpid():
            end_alone(process)
    # The starter led nothing: its group is the terminal's.
    end(process for process in recorded(folder) if process.name != STARTER)
    return bool(processes)
