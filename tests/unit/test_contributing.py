"""CONTRIBUTING.md names files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
SUFFIXES = (".py", ".md", ".yaml", ".toml", ".json", ".txt", "/")
QUESTIONS = (
    "change tier 4's quote age",
    "add a route",
    "add an upstream endpoint",
    "find out why an answer was stale",
    "change the rate limit",
)


def files_in(text: str) -> list[str]:
    """The files and folders that a text names in backticks."""
    return [name for name in re.findall(r"`([^`\s]+)`", text) if name.endswith(SUFFIXES)]


@pytest.mark.parametrize("name", sorted(set(files_in(TEXT)) - {"__init__.py", ".tools/"}))
def test_a_file_that_is_named_exists(name: str) -> None:
    assert list(ROOT.glob(name))


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_newcomers_question_is_answered_by_a_file_name(question: str) -> None:
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| {question} |")]
    assert files_in(row)
