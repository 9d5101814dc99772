"""The vendor's JavaScript client, run by node: each of its cases under its own name."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.clients.conftest import Host, fresh
from tests.e2e.stacks import NODE, LocalCloud
from tests.patience import HANG_S

FOLDER: Final = Path(__file__).parent / "js"
ANSWERS: Final = FOLDER / "answers.test.mjs"
REFUSALS: Final = FOLDER / "refusals.test.mjs"

type Failures = dict[str, str]
"""Each case that was run, and what went wrong in it: nothing where it passed."""


def _cases(script: Path) -> list[str]:
    return re.findall(r'^test\("([^"]+)"', script.read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def answers(host: Host) -> Failures:
    """The cases about answers at one host."""
    return _run(ANSWERS, host)


@pytest.fixture(scope="session")
def refusals(cloud: LocalCloud, upstream: Host, dekr: Host) -> Failures:
    """The cases about errors. The faults that they order end with them, not with the session."""
    with fresh(cloud):
        return _run(REFUSALS, dekr, LIMITED_KEY=cloud.said["api_keys"]["1"], SANDBOX_URL=upstream.url)


@pytest.mark.parametrize("case", _cases(ANSWERS))
def test_answers(answers: Failures, case: str) -> None:
    assert answers[case] == ""


@pytest.mark.parametrize("case", _cases(REFUSALS))
def test_refusals(refusals: Failures, case: str) -> None:
    assert refusals[case] == ""


def _run(script: Path, host: Host, **more: str) -> Failures:
    environment = {**os.environ, "BASE_URL": host.url, "API_KEY": host.key, **more}
    ended = subprocess.run(  # noqa: S603 - ours
        [NODE, "--test", "--test-reporter=junit", script],
        env={name: value for name, value in environment.items() if not name.lower().endswith("_proxy")},
        capture_output=True,
        text=True,
        timeout=2 * HANG_S,
        check=False,
    )
    assert ended.stdout, ended.stderr
    cases = ET.fromstring(ended.stdout).iter("testcase")  # noqa: S314 - node's own
    return {case.attrib["name"]: "".join(failure.text or "" for failure in case.iter("failure")) for case in cases}
