"""docs/architecture.md names files that exist, by their path from the root or from the package."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text()
NAMES = sorted(set(re.findall(r"`([a-z_/]+\.(?:py|lua|md|json))`", TEXT)))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_named_exists(name: str) -> None:
    assert any((folder / name).is_file() for folder in (ROOT, ROOT / "layers/common/dekr"))
