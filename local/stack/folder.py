"""The directory in which a stack keeps its files, and the repository's directories."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = ROOT / ".tools"


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one stack."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Folder":
        """Return the directory that DEKR_LOCAL_DIR names, or ``.local`` in the repository. It is created if it is missing."""
        folder = cls(Path(environment.get("DEKR_LOCAL_DIR") or ROOT / ".local").resolve())
        for path in (folder.path, folder.logs, folder.scratch):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def state(self) -> Path:
        """The file in which a running stack records its addresses and keys (JSON)."""
        return self.path / "stack.json"

    @property
    def processes(self) -> Path:
        """The file that records the processes of a stack that is running, starting, or was left behind (JSON)."""
        return self.path / "processes.json"

    @property
    def logs(self) -> Path:
        """The directory with one log for each process."""
        return self.path / "logs"

    @property
    def scratch(self) -> Path:
        """The directory of files that are removed with the stack: unpacked functions, Redis's directory."""
        return self.path / "scratch"

    def clear(self) -> None:
        """Remove all files of a stack except its logs."""
        self.state.unlink(missing_ok=True)
        self.processes.unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Hold the lock that makes a second start in this directory wait for the first."""
        with lock(self.path / "lock"):
            yield


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock between processes. The system releases it if its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_json(path: Path, value: object) -> None:
    """Replace a file atomically, readable by its owner alone: a reader sees either the old text or the new one."""
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_json(path: Path) -> Any:
    """Return the file's parsed JSON, or None if there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
