"""Where a stack keeps its files, and where the repository keeps the tools."""

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
        """The directory that DEKR_LOCAL_DIR names, or ``.local`` in the repository. Made where it is missing."""
        folder = cls(Path(environment.get("DEKR_LOCAL_DIR") or ROOT / ".local").resolve())
        for path in (folder.path, folder.logs, folder.scratch):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def state(self) -> Path:
        """What a stack that is up says about itself: addresses and keys."""
        return self.path / "stack.json"

    @property
    def processes(self) -> Path:
        """The processes of a stack that is up, starting, or was left behind."""
        return self.path / "processes.json"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.path / "logs"

    @property
    def scratch(self) -> Path:
        """Files that end with the stack: unpacked functions, Redis's directory."""
        return self.path / "scratch"

    def clear(self) -> None:
        """Remove all that a stack leaves, its logs aside."""
        self.state.unlink(missing_ok=True)
        self.processes.unlink(missing_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Held while a stack starts here; a second start waits for the first."""
        with lock(self.path / "lock"):
            yield


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds a lock between processes; the system lets go of it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_json(path: Path, value: object) -> None:
    """Replace a file at once, readable by its owner alone: a reader sees the old text or the new one."""
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_json(path: Path) -> Any:
    """The file's value, None where there is no file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
