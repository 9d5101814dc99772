"""A local cloud of the tests' own: beside the developer's, in a directory and on ports of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from local.stack.folder import ROOT, TOOLS
from tests.patience import HANG_S

NODE: Final = TOOLS / "node/bin/node"
"""The Node that the README's and the vendor's JavaScript run on."""


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A stack that is up: what its stack.json says, and the directory that it lives in."""

    path: Path
    said: dict[str, Any]
    environment: Mapping[str, str]
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "http", httpx.Client(base_url=self.said["http"], timeout=HANG_S, trust_env=False))

    def get(self, path: str, tier: int | None = 7, **headers: str) -> httpx.Response:
        """The answer to a GET with the key of this tier (None: without a key)."""
        key = {} if tier is None else {"x-api-key": self.said["api_keys"][str(tier)]}
        return self.http.get(path, headers={**key, **headers})

    @property
    def processes(self) -> list[dict[str, Any]]:
        """The processes that the stack wrote down."""
        written: list[dict[str, Any]] = json.loads((self.path / "processes.json").read_text())
        return written


def command(name: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m local.stack NAME` to its end."""
    return subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "local.stack", name],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=7 * HANG_S,  # before pytest-timeout ends the test, so that the output is shown
        check=False,
    )


def environment_of(path: Path, **more: str) -> dict[str, str]:
    """The environment of a stack in this directory, on no Redis and no upstream but its own."""
    own = ("REDIS_URL", "POLYGON_API_KEY", "POLYGON_BASE_URL", "POLYGON_STREAM_URL", "POLYGON_PER_MINUTE", "AT")
    inherited = {name: value for name, value in os.environ.items() if name not in own}
    return {**inherited, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}", "DEKR_LOCAL_DIR": str(path), **more}


@contextmanager
def stack_in(path: Path, **more: str) -> Iterator[LocalCloud]:
    """A stack in this directory, ended at the end."""
    environment = environment_of(path, **more)
    try:
        started = command("up", environment)
        assert started.returncode == 0, started.stdout + started.stderr
        cloud = LocalCloud(path, json.loads((path / "stack.json").read_text()), environment)
        with cloud.http:
            yield cloud
    finally:
        command("down", environment)
