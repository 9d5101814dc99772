"""The README, followed to the letter: the curl of every route and Polygon's own clients, on the local cloud."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from local.stack.folder import ROOT
from tests.e2e.listening import listening
from tests.e2e.stacks import NODE, LocalCloud
from tests.patience import HANG_S
from tests.routes import route_of, routes

README: Final = (ROOT / "README.md").read_text()
NODE_PACKAGES: Final = ROOT / "tests/e2e/clients/js/node_modules"

OPERATIONS: Final = sorted(
    f"{method.upper()} {path}"
    for path, methods in json.loads((ROOT / "docs/openapi.json").read_text())["paths"].items()
    for method in methods
)
"""Every documented method and path; the template's own routes take any method."""

CURLS: Final = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|.*\| `(curl [^`]+)` \|$", README, re.MULTILINE))
"""The curl in the row of each route."""

MEANINGS: Final = "\n".join(
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if re.match(r"[A-Z]+=", line)
)
"""The lines that say what $HTTP, $KEY, $AUTH and $ADMIN are."""

STRICT: Final = 'curl() { command curl --fail-with-body --silent --show-error --max-time 120 "$@"; }'
"""A curl that also fails where the answer is an error."""


@pytest.fixture(scope="module")
def folder(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user would stand: the local cloud's file lies in .local."""
    made = tmp_path_factory.mktemp("readme")
    (made / ".local").mkdir()
    (made / ".local/stack.json").write_text(json.dumps(cloud.said))
    return made


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """Run a command in a folder and return its output."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ended = subprocess.run(  # noqa: S603 - ours
        command,
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=2 * HANG_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def block(language: str, client: str) -> str:
    """The README's only piece of code in this language that uses this client."""
    pieces = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (found,) = (piece for piece in pieces if client in piece)
    return str(found)


def test_every_route_has_its_row() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", README, re.MULTILINE)
    assert sorted(rows) == OPERATIONS
    assert {row.split()[1] for row in rows} == {route.path for route in routes()}


@pytest.mark.parametrize("row", OPERATIONS)
def test_the_curl_of_a_route_gets_its_answer(folder: Path, row: str) -> None:
    curl = CURLS[row]
    words = shlex.split(curl)
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    requested = route_of(method, urlsplit(words[-1].removeprefix("$HTTP")).path)
    assert requested
    assert f"{method} {requested.path}" == row

    answer = run("bash", "-ec", f"{STRICT}\n{MEANINGS}\n{curl}", folder=folder)

    assert len(answer) > 2, "no more than an empty list or object"


@pytest.mark.parametrize("package", ["massive", "polygon"])
def test_the_python_client_gets_bars_a_quote_a_snapshot_news_and_an_rsi(folder: Path, package: str) -> None:
    code = block("python", "RESTClient").replace("from massive import", f"from {package} import")

    printed = run(sys.executable, "-W", "ignore::ResourceWarning", "-c", code, folder=folder)

    number = r"\d+\.?\d*"
    assert re.search(rf"last bar closed at {number}\n", printed)
    assert re.search(rf"bid {number} ask {number}\n", printed)
    assert re.search(rf"previous close {number}\n", printed)
    assert re.search(r"news:(\n  .+){5}\n", printed)
    assert re.search(rf"RSI {number}\n", printed)


def test_the_javascript_client_gets_a_quote(cloud: LocalCloud, folder: Path) -> None:
    (folder / "node_modules").symlink_to(NODE_PACKAGES)
    (folder / "quote.mjs").write_text(block("js", "restClient"))

    printed = run(NODE, "quote.mjs", folder=folder, HTTP=cloud.said["http"], KEY=cloud.said["api_keys"]["7"])

    assert "T: 'AAPL'" in printed


@pytest.mark.parametrize("package", ["massive", "polygon"])
def test_the_python_client_prints_live_trades(folder: Path, package: str) -> None:
    (folder / "stream.py").write_text(
        block("python", "WebSocketClient").replace("from massive import", f"from {package} import")
    )
    with listening(sys.executable, "-u", "stream.py", folder=folder) as reader:
        reader.until_noise("EquityTrade(")
