"""The figures of a run as lines of bench/README.md, and their place: between the marks of their part."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path


def put(part: str, lines: Iterable[str], path: Path) -> None:
    """Replace the text between ``<!-- part -->`` and ``<!-- end of part -->`` by these lines. Raises ValueError if a
    mark is missing.
    """
    begins, ends = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    text = path.read_text()
    begin = text.index(begins) + len(begins)
    end = text.index(ends, begin)
    path.write_text(text[:begin] + "\n".join(["", *lines, "", ""]) + text[end:])


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    heads = list(heads)
    return [_row(heads), _row("---" for _ in heads), *(_row(cells) for cells in rows)]


def machine(command: str, now: datetime | None = None) -> str:
    """Return a line that says which command ran when, and on which machine."""
    now = now or datetime.now(UTC)
    day = f"{now.day} {now:%B %Y}"
    return (
        f"`{command}` on {day}: {os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}, "
        "a store on loopback (the packaged Valkey; for memory and eviction an installed server)."
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
