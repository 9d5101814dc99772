"""Start the stack's processes, each in a process group and with a log of its own, and record what was started."""

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
from local.stack.processes import Process, alive, end, end_one

STARTER: Final = "starter"
READY_TIMEOUT_S: Final = 300.0
"""The time that a process may take to become ready, in seconds, on a busy machine, too."""

TAIL_LINES: Final = 15
"""The number of a log's last lines that an error shows."""


class StackError(Exception):
    """The stack cannot start. The message names what failed in one line, followed by the end of the log that tells why."""


def error_with_tail(reason: str, log: Path) -> StackError:
    """Return an error with this reason and the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:] if log.exists() else []
    return StackError("\n".join([f"{reason} ({log})", *(f"  | {line}" for line in lines)]))


class Launcher:
    """Starts and watches the processes of one stack."""

    def __init__(self, folder: Folder, interrupts: Interrupts) -> None:
        self.folder = folder
        self._interrupts = interrupts
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._known = [Process.identify(STARTER, os.getpid())]
        self._record()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        *,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start a process that keeps running. It inherits these open file descriptors."""
        with self._interrupts.deferred(), self.log(name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the commands are constants of this project
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=inherited,
            )
            self._running[name] = process
            self._known.append(Process.identify(name, process.pid))
            self._record()

    def finish(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Run a command and wait for its end. Raises StackError if it fails."""
        self.start(name, command, environment)
        if self._running.pop(name).wait() != 0:
            raise error_with_tail(f"{name} failed", self.log(name))
        self._known = [process for process in self._known if process.name != name]
        self._record()

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until a started process is ready. Raises StackError if it ends or takes too long."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready():
            self.check(name)
            if time.monotonic() > deadline:
                raise error_with_tail(f"{name} is not ready after {READY_TIMEOUT_S:.0f} s", self.log(name))
            time.sleep(0.05)

    def address(self, name: str, scheme: str = "http") -> str:
        """Wait until a process prints the address that it listens on, and return it. Raises StackError if it ends or
        takes too long.
        """
        pattern = re.compile(rf"(?:listening|streaming) on ({scheme}://127\.0\.0\.1:\d+\S*)")
        self.wait(name, lambda: pattern.search(self._text(name)) is not None)
        match = pattern.search(self._text(name))
        assert match is not None
        return match[1]

    def check(self, *names: str) -> None:
        """Raise StackError if one of these processes has ended (without names: any process)."""
        for name in names or self._running:
            status = self._running[name].poll()
            if status is not None:
                raise error_with_tail(f"{name} ended with status {status}", self.log(name))

    def detach(self) -> None:
        """Leave the processes running when this program ends."""
        self._known = [process for process in self._known if process.name != STARTER]
        self._record()

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self.folder.logs / f"{name}.log"

    def _text(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")

    def _record(self) -> None:
        write_json(self.folder.processes, [asdict(process) for process in self._known])


def recorded(folder: Folder) -> list[Process]:
    """Return the processes that are recorded in a folder."""
    return [Process(**entry) for entry in read_json(folder.processes) or []]


def end_recorded(folder: Folder) -> bool:
    """End every process of a stack, including the one that starts or runs it. Return whether any was running."""
    processes = alive(recorded(folder))
    for process in processes:
        if process.name == STARTER and process.pid != os.getpid():
            end_one(process)
    # The starter does not lead a group of its own: its group is the terminal's.
    end(process for process in recorded(folder) if process.name != STARTER)
    return bool(processes)
