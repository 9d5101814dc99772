"""Reads what the workers wrote down. The last line of one that was killed may be half of one."""

import json
from pathlib import Path
from typing import Any, Final

from chaos.history import Answer, Fetched, History, Trouble, Value

STORE_GAVE_UP_US: Final = 1_200_000
"""A link that could not reach the store began to try so long before, and tries again so long after, at most."""


def read(folder: Path, history: History) -> None:
    """Add all of it to the history."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                _take(json.loads(line), path.stem, history)
    history.answers.sort(key=lambda answer: answer.start_us)


def _take(line: dict[str, Any], worker: str, history: History) -> None:
    match line.pop("what"):
        case "answer":
            line["values"] = tuple(Value(**value) for value in line["values"])
            line["unknown"] = tuple(line["unknown"])
            history.answers.append(Answer(**line))
        case "fetched":
            history.fetched.append(Fetched(**line))
        case "store":
            at_us = line["at_us"]
            span = at_us - STORE_GAVE_UP_US, at_us + STORE_GAVE_UP_US
            history.troubles.append(Trouble("store", "store not reached", *span, worker=worker))
