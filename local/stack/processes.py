"""Processes with a safe identity: a process id may be reused, but an id together with its start time is unique."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

END_TIMEOUT_S: Final = 6.0
"""The time in seconds that a process may take to end before it is killed."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that leads a process group of its own. ``started`` is the system's text for its start time."""

    name: str
    pid: int
    started: str

    @classmethod
    def identify(cls, name: str, pid: int) -> "Process":
        """Return the process that has this id now. Raises ProcessLookupError if there is none."""
        for row in _table():
            if row.pid == pid:
                return cls(name, pid, row.started)
        raise ProcessLookupError(pid)


@dataclass(frozen=True, slots=True)
class _Row:
    pid: int
    group: int
    started: str


def alive(processes: Iterable[Process]) -> list[Process]:
    """Return those of the processes that still run."""
    rows = {(row.pid, row.started) for row in _table()}
    return [process for process in processes if (process.pid, process.started) in rows]


def end(processes: Iterable[Process]) -> None:
    """End the process groups of these processes, children included. Those that do not end by themselves are killed."""
    groups = {process.pid for process in alive(processes)}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with suppress(ProcessLookupError):
                os.killpg(group, number)
        groups = _wait_gone(groups)


def end_one(process: Process) -> None:
    """Ask one process to end, and wait until it has done so or twice ``END_TIMEOUT_S`` have passed."""
    if alive([process]):
        os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 2 * END_TIMEOUT_S
        while alive([process]) and time.monotonic() < deadline:
            time.sleep(0.05)


def _wait_gone(groups: set[int]) -> set[int]:
    deadline = time.monotonic() + END_TIMEOUT_S
    while True:
        remaining = groups & {row.group for row in _table()}
        if not remaining or time.monotonic() > deadline:
            return remaining
        time.sleep(0.05)


def _table() -> list[_Row]:
    """Return all processes that are not zombies."""
    proc = Path("/proc")
    return _linux_table(proc) if (proc / "self/stat").exists() else _posix_table()


def _linux_table(proc: Path) -> list[_Row]:
    rows = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):
            # The name, in parentheses, may contain anything; the fields after it are fixed (proc(5)).
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX":
                rows.append(_Row(int(entry.name), int(fields[2]), fields[19]))
    return rows


def _posix_table() -> list[_Row]:
    listing = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,pgid=,stat=,lstart="], check=True, capture_output=True, text=True
    ).stdout
    lines = (line.split(maxsplit=3) for line in listing.splitlines())
    return [_Row(int(pid), int(group), started) for pid, group, state, started in lines if state[0] != "Z"]
