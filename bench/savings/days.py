"""Results of days that were driven before with the present code: a run of hours that was stopped continues where it was."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.savings.case import Case, Found, run

ROOT: Final = Path(__file__).parents[2]
DEPENDENCIES: Final = (
    *("layers/common/dekr/**/*.py", "layers/common/dekr/**/*.lua"),
    *(f"bench/savings/{name}.py" for name in ("baselines", "case", "checker", "clock", "drive", "newsroom", "trace")),
    *("bench/savings/upstream.py", "local/sandbox/universe.py", "tests/world.py", "tests/fakes/directory.py"),
)
"""Patterns of the files on which a day's figures depend."""

_FOUND: Final = TypeAdapter(Found)
_CASE: Final = TypeAdapter(Case)


@dataclass(frozen=True, slots=True)
class Days:
    """Drives days with ``run`` and stores each result in a file in ``folder``.

    ``dependencies``: patterns of the files under ``root`` on which a result depends.
    """

    folder: Path
    root: Path
    dependencies: Sequence[str]
    run: Callable[[Case], Found]

    def driven(self, case: Case) -> Found:
        """Return the result of a day, from its file if it was driven before with the present code."""
        digest = hashlib.sha256(_CASE.dump_json(case))
        for path in sorted({path for pattern in self.dependencies for path in self.root.glob(pattern)}):
            digest.update(path.read_bytes())
        stored = self.folder / f"{digest.hexdigest()[:16]}.json"
        if stored.exists():
            return _FOUND.validate_json(stored.read_bytes())
        result = self.run(case)
        self.folder.mkdir(exist_ok=True)
        # The file is renamed when it is complete, so that a stopped run leaves no partial one.
        draft = stored.with_suffix(".new")
        draft.write_bytes(_FOUND.dump_json(result, indent=2))
        draft.replace(stored)
        return result


def driven(case: Case) -> Found:
    """Return the result of a day with the present code, from its file if it was driven before."""
    return Days(ROOT / "bench" / ".savings", ROOT, DEPENDENCIES, run).driven(case)
