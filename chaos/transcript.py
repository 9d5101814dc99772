"""Reads the files that the workers wrote. The last line of a killed worker may be incomplete."""

import json
from pathlib import Path
from typing import Any, Final

from chaos.history import Answer, FaultInterval, FetchResult, History, Value

STORE_GAVE_UP_US: Final = 1_200_000
"""A link that could not reach the store started to try at most this long before, and tries again at most this long after."""


def read(folder: Path, history: History) -> None:
    """Add all lines of the workers' files to the history."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                _add_line(json.loads(line), path.stem, history)
    history.answers.sort(key=lambda answer: answer.start_us)


def _add_line(line: dict[str, Any], worker: str, history: History) -> None:
    match line.pop("what"):
        case "answer":
            line["values"] = tuple(Value(**value) for value in line["values"])
            line["unknown"] = tuple(line["unknown"])
            history.answers.append(Answer(**line))
        case "fetched":
            history.fetched.append(FetchResult(**line))
        case "store":
            at_us = line["at_us"]
            span = at_us - STORE_GAVE_UP_US, at_us + STORE_GAVE_UP_US
            history.fault_intervals.append(FaultInterval("store", "store not reached", *span, worker=worker))
