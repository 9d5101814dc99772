"""Days that were driven before with this very code: a run of hours that was stopped goes on where it was."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.savings.case import Case, Found, run

ROOT: Final = Path(__file__).parents[2]
DECIDES: Final = (
    *("layers/common/dekr/**/*.py", "layers/common/dekr/**/*.lua"),
    *(f"bench/savings/{name}.py" for name in ("baselines", "case", "checker", "clock", "drive", "newsroom", "trace")),
    *("bench/savings/upstream.py", "local/sandbox/universe.py", "tests/world.py", "tests/fakes/directory.py"),
)
"""The files on which a day's figures depend."""

_FOUND: Final = TypeAdapter(Found)
_CASE: Final = TypeAdapter(Case)


@dataclass(frozen=True, slots=True)
class Days:
    """Drives days with ``run`` and keeps what they gave in the folder, a file for each. ``decides``: patterns of the files under
    ``root`` that make up the code.
    """

    folder: Path
    root: Path
    decides: Sequence[str]
    run: Callable[[Case], Found]

    def driven(self, case: Case) -> Found:
        """What the day gave: now, or when it was driven before with this code."""
        code = hashlib.sha256(_CASE.dump_json(case))
        for path in sorted({path for pattern in self.decides for path in self.root.glob(pattern)}):
            code.update(path.read_bytes())
        kept = self.folder / f"{code.hexdigest()[:16]}.json"
        if kept.exists():
            return _FOUND.validate_json(kept.read_bytes())
        found = self.run(case)
        self.folder.mkdir(exist_ok=True)
        # A file is whole or not there.
        written = kept.with_suffix(".new")
        written.write_bytes(_FOUND.dump_json(found, indent=2))
        written.replace(kept)
        return found


def driven(case: Case) -> Found:
    """What a day gives with the present code."""
    return Days(ROOT / "bench" / ".savings", ROOT, DECIDES, run).driven(case)
