"""The Lua scripts hold no limit of their own: each comes from Python under a name."""

import re
from pathlib import Path

import pytest

from dekr.access import limits
from dekr.cache import entry_cache
from dekr.gate import budget_share
from dekr.gate import scripts as gate
from dekr.market.demand import scripts as demand
from dekr.market.warming import audit
from dekr.store import Script
from dekr.stream.journal import journal
from dekr.stream.registry import scripts as registry
from dekr.stream.started import records

PACKAGE = Path(__file__).parents[2] / "layers/common/dekr"
FILES = sorted(PACKAGE.rglob("*.lua"))
SCRIPTS = [
    each
    for module in (limits, entry_cache, gate, budget_share, demand, audit, journal, records, registry)
    for each in vars(module).values()
    if isinstance(each, Script)
]
SHARED = {"prelude", "call_log", "record", "records", "registry"}
UNITS = {"local SECOND_US = 1000000", "local MS_US = 1000", "local MEMBERS_AT_ONCE = 1000"}
"""Numbers that are no limits of this service: units of time, and a bound of Lua itself."""


def code(text: str) -> str:
    """A script without its comments, its texts and the places of its arguments."""
    return re.sub(r"\bARGV\[\d+\]", "ARGV[0]", re.sub(r"'[^']*'", "''", re.sub(r"--.*", "", text)))


def test_every_script_is_loaded_once() -> None:
    assert sorted(script.name for script in SCRIPTS) == sorted(path.stem for path in FILES if path.stem not in SHARED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_limit_is_written_in_a_script(path: Path) -> None:
    lines = [line for line in code(path.read_text()).splitlines() if line not in UNITS]
    assert [line for line in lines if re.search(r"\b\d{2,}\b", line)] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_limit_that_a_script_names_is_there(script: Script) -> None:
    source = code(script.source)
    defined = {
        name for names in re.findall(r"^local ([A-Z][A-Z_, ]+) =", source, re.MULTILINE) for name in names.split(", ")
    }
    named = set(re.findall(r"\b[A-Z][A-Z]*_[A-Z_]+\b", source))
    assert named <= defined


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_time_is_read_in_the_prelude_alone(path: Path) -> None:
    assert path.stem == "prelude" or "TIME" not in re.findall(r"'(\w+)'", path.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_call_pays_for_a_function_that_its_script_does_not_use(script: Script) -> None:
    source = code(script.source)
    names = re.findall(r"^local function (\w+)", source, re.MULTILINE)
    assert [name for name in names if len(re.findall(rf"\b{name}\b", source)) == 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_list_of_any_length_is_handed_over_in_pieces(path: Path) -> None:
    """A serverless cache takes 3 999 arguments of a command, and Lua unpacks 7 999 values."""
    text = path.read_text()
    for found in re.finditer(r"(?<!cmsgpack\.)\bunpack\(([^)]*)\)", text):
        assert found[1] == "KEYS" or "for first = 1, #members, MEMBERS_AT_ONCE do" in text[: found.start()], found[0]
