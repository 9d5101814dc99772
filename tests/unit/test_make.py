"""The targets of the Makefile, read with ``make -n``: nothing is run."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def commands(target: str, **variables: str) -> str:
    """The commands that a target would run in this environment."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("CI", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    run = subprocess.run(  # noqa: S603 - ours
        ["make", "-n", target],  # noqa: S607 - the make that runs everything here
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**inherited, **variables},
    )
    return run.stdout


@pytest.mark.parametrize("target", ["test", "unit", "run", "up", "chaos", "bench-savings"])
def test_no_package_of_the_system_is_needed(target: str) -> None:
    assert "local/system.sh" not in commands(target)


def test_ci_installs_what_its_other_tests_need() -> None:
    assert "local/system.sh" in commands("test", CI="true")
