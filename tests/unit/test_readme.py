"""The README's tables say what the code does: every error code that a caller can meet, and every figure of the tiers."""

import re
from collections.abc import Callable
from pathlib import Path

from dekr.tiers import POLICIES, TierPolicy

ROOT = Path(__file__).parents[2]
BASES = {"forbidden", "unavailable"}
"""Codes of classes that are never raised themselves."""

TIER_COLUMNS: dict[str, Callable[[TierPolicy], str]] = {
    "quotes and intraday bars": lambda policy: str(policy.real_time_s),
    "day bars and longer": lambda policy: str(policy.historical_s),
    "news": lambda policy: str(policy.news_s),
    "requests a minute (burst)": lambda policy: f"{spaced(policy.per_minute)} ({spaced(policy.burst)})",
    "a day": lambda policy: "no cap" if policy.per_day is None else spaced(policy.per_day),
    "tickers in a batch": lambda policy: str(policy.batch),
}


def spaced(number: int) -> str:
    """A number with a space between thousands."""
    return f"{number:,}".replace(",", " ")


def cells(line: str) -> list[str]:
    """The texts in a row of a table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_every_figure_of_the_tiers_is_the_one_that_holds() -> None:
    section = (ROOT / "README.md").read_text().split("\n## Tiers\n")[1].split("\n## ")[0]
    head, _, *rows = [cells(line) for line in section.splitlines() if line.startswith("|")]
    assert head == ["tier", "name", *TIER_COLUMNS]
    assert rows == [
        [str(int(tier)), tier.name, *(column(policy) for column in TIER_COLUMNS.values())]
        for tier, policy in POLICIES.items()
    ]


def test_every_error_code_has_its_row() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "layers/common/dekr").rglob("*.py"))
    raised = set(re.findall(r"^    code(?:: \w+)? = \"(\w+)\"", sources, re.MULTILINE))
    raised |= set(re.findall(r"\bcode=\"(\w+)\"", sources))
    raised |= set(re.findall(r"\bcode = f?\"[^\"]*\", \"(\w+)\"", sources))
    table = (ROOT / "README.md").read_text().split("**Errors**")[1].split("## Tiers")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert raised - BASES - named == set()
    assert named - {code for code in named if f'"{code}"' in sources} == set()
