"""The README names every error code that a caller can meet, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASES = {"forbidden", "unavailable"}
"""Codes of classes that are never raised themselves."""


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
