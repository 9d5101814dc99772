"""Run the peer under uvicorn with one worker in a process of its own, with a client that keeps its connections."""

import json
import os
import subprocess
import sys
from asyncio import TaskGroup, sleep
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from dekr.tiers import Tier
from local.ports import HOST, KEEP_ALIVE_S, free_port
from tests.patience import HANG_S

ROOT = Path(__file__).parents[2]
TRIES = 2_400
"""The number of attempts to reach the peer, for two minutes: a busy machine takes long to start it."""


@dataclass(frozen=True)
class Peer:
    """A running peer: its address and its process id."""

    url: str
    pid: int

    async def ready(self) -> None:
        """Wait until the peer answers. Raises AssertionError if it does not answer within two minutes."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_S)) as client:
            for _ in range(TRIES):
                try:
                    async with client.get(f"{self.url}/openapi.json"):
                        return
                except aiohttp.ClientConnectionError:
                    await sleep(0.05)
        raise AssertionError("the peer did not become ready")

    async def send(self, requests: Sequence[tuple[str, str]], connections: int) -> None:
        """Send these requests, each a path and an API key, over that many connections.

        Raises AssertionError if an answer is not 200.
        """
        remaining = list(reversed(requests))

        async def connection() -> None:
            while remaining:
                path, key = remaining.pop()
                async with client.get(path, headers={"x-api-key": key}) as answer:
                    assert answer.status == 200, await answer.text()  # noqa: PLR2004 - OK
                    await answer.read()

        async with (
            aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=HANG_S)) as client,
            TaskGroup() as group,
        ):
            for _ in range(connections):
                group.create_task(connection())


@contextmanager
def serving(store: str, polygon: str, polygon_key: str, keys: Mapping[Tier, str]) -> Iterator[Peer]:
    """Run the peer on this Redis and this Polygon while the context lasts. ``keys``: its API key for each tier."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}",
        "REDIS_URL": store,
        "POLYGON_URL": polygon,
        "POLYGON_KEY": polygon_key,
        "API_KEYS": json.dumps({key: tier for tier, key in keys.items()}),
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "bench.peer.app:create_app"]
    command += ["--host", HOST, "--port", str(port), "--timeout-keep-alive", str(KEEP_ALIVE_S)]
    with (
        Path(os.devnull).open("w") as nowhere,
        subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere) as process,  # noqa: S603 - a fixed command
    ):
        try:
            yield Peer(f"http://{HOST}:{port}", process.pid)
        finally:
            process.terminate()
