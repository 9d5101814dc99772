"""The figures of runs. A run writes only into files that git ignores; ``make bench-publish`` writes them into the tracked ones."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import readme

BENCH: Final = Path(__file__).parent
COSTS, SAVED = "what things cost", "saved calls"
"""The parts of bench/README.md that have figures."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The files of the figures in the folder ``bench``: results.json (name -> number, ignored), the drafts in .figures (ignored),
    README.md and savings.json (tracked).
    """

    bench: Path = BENCH

    def results(self) -> dict[str, float]:
        """The numbers of the last runs by name."""
        return _read(self.bench / "results.json")

    def write_results(self, results: Mapping[str, float]) -> None:
        """Replace the numbers of the last runs."""
        _write(self.bench / "results.json", results)

    def savings(self) -> dict[str, Any]:
        """The figures of the driven days: those that are not published yet, else the published ones."""
        return _read(self._draft("savings.json")) or _read(self.bench / "savings.json")

    def write_savings(self, savings: Mapping[str, Any]) -> None:
        """Replace the figures of the driven days."""
        _write(self._draft("savings.json"), savings)

    def write_part(self, part: str, lines: Iterable[str]) -> None:
        """Replace the lines for a part of README.md."""
        self._draft(f"{part}.md").write_text("\n".join(lines))

    def publish(self) -> list[Path]:
        """Write the drafts into the tracked files, and forget them. Return these files."""
        written = []
        for part in (COSTS, SAVED):
            draft = self._draft(f"{part}.md")
            if draft.exists():
                readme.put(part, draft.read_text().split("\n"), self.bench / "README.md")
                draft.unlink()
                written.append(self.bench / "README.md")
        savings = self._draft("savings.json")
        if savings.exists():
            written.append(savings.replace(self.bench / "savings.json"))
        return list(dict.fromkeys(written))

    def _draft(self, name: str) -> Path:
        folder = self.bench / ".figures"
        folder.mkdir(exist_ok=True)
        return folder / name


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _write(path: Path, figures: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(figures, indent=2) + "\n")
