"""What is given to make on the command line reaches programs as it is: neither make nor a shell reads it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack.folder import ROOT
from tests.patience import HANG_S

GIVEN = {
    "key": {
        "TIER": "--tier",
        "USER": "--user",
        "ROLE": "--role",
        "STACK": "--stack",
        "REGION": "--region",
        "PROFILE": "--profile",
    },
    "keys": {"USER": "--user", "STACK": "--stack"},
    "revoke": {"ID": "--id", "STACK": "--stack"},
    "logs": {"STACK": "--stack", "REGION": "--region", "PROFILE": "--profile"},
    "smoke": {"ENV": "--env", "REGION": "--region", "PROFILE": "--profile"},
    "polygon-key": {"ENV": "--env"},
    "destroy": {"ENV": "--env"},
    "chaos": {"SEED": "--seed"},
    "bench-savings": {"SEED": "--seed", "REQUESTS": "--requests", "PROFILE": "--profile"},
}
EVIL = (
    'x";touch MARK;"',
    "x';touch MARK;'",
    "$(touch MARK)",
    "`touch MARK`",
    "$(shell touch MARK)",
    "${HOME}",
    "two words",
    "x\\",
    "#",
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in the place of Python that prints its arguments."""
    path = tmp_path / "program"
    path.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    path.chmod(0o700)
    return path


def make(
    program: Path, target: str, *given: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run make for this target, without making the environments anew, in which no file may appear."""
    names = {name for names in GIVEN.values() for name in names}
    inherited = {name: value for name, value in os.environ.items() if name not in names and not name.startswith("MAKE")}
    folder = f"-f{ROOT / 'Makefile'}"
    local = program.parent / "mk"
    local.mkdir(exist_ok=True)
    (local / "local.mk").write_text((ROOT / "mk/local.mk").read_text())
    return subprocess.run(  # noqa: S603 - ours
        ["/usr/bin/env", "make", "-s", folder, "-o", "setup", "-o", "system", f"PY={program}", target, *given],
        cwd=program.parent,
        env={**inherited, "USER": "login", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("target", GIVEN)
def test_every_variable_arrives_as_it_was_given(program: Path, target: str, evil: str) -> None:
    done = make(program, target, *(f"{name}={evil}" for name in GIVEN[target]))
    assert done.returncode == 0, done.stderr
    arguments = json.loads(done.stdout)
    for name, option in GIVEN[target].items():
        assert f"{option}={evil}" in arguments, name
    assert not (program.parent / "MARK").exists()


@pytest.mark.parametrize("evil", EVIL)
def test_so_does_what_the_environment_gives(program: Path, evil: str) -> None:
    done = make(program, "key", "USER=demo", "TIER=5", environment={"STACK": evil})
    assert f"--stack={evil}" in json.loads(done.stdout)
    assert not (program.parent / "MARK").exists()


def test_what_is_not_given_is_left_out(program: Path) -> None:
    done = make(program, "key", "USER=demo", "TIER=5")
    assert json.loads(done.stdout) == ["-m", "local.keys", "create", "--tier=5", "--user=demo"]
    assert json.loads(make(program, "chaos").stdout) == ["-m", "chaos"]
    assert "--env=" in json.loads(make(program, "destroy").stdout)


@pytest.mark.parametrize(
    ("target", "given", "says"),
    [
        ("key", ["TIER=5"], "say for whom"),
        ("key", ["USER=demo"], "say which tier"),
        ("keys", [], "say whose"),
        ("revoke", [], "say which"),
    ],
)
def test_what_is_missing_is_asked_for(program: Path, target: str, given: list[str], says: str) -> None:
    """The shell's own USER, which is always there, is no answer."""
    done = make(program, target, *given)
    assert done.returncode != 0
    assert says in done.stderr


def test_no_recipe_holds_the_text_of_a_variable() -> None:
    text = (ROOT / "Makefile").read_text() + (ROOT / "mk/local.mk").read_text()
    names = re.search(r"^GIVEN := (.*)$", text, re.MULTILINE)
    assert names is not None
    used = {name for variables in GIVEN.values() for name in variables}
    assert used <= set(names[1].split())
    for line in text.splitlines():
        if line.startswith("\t") and "$(error" not in line:
            assert not re.search(rf"(?<!\$)\$[({{]({'|'.join(names[1].split())})\b", line), line


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "bench/README.md", "docs/architecture.md"])
def test_every_command_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / "Makefile").read_text() + (ROOT / "mk/local.mk").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    named = set(re.findall(r"(?:`|^|`bash )make ([a-z][a-z-]*)", (ROOT / page).read_text(), re.MULTILINE))
    assert named <= targets
