"""The stack's Polygon: the real one if a key is given, otherwise the sandbox."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from local.sandbox.state import KEY as SANDBOX_KEY
from local.stack.launcher import Launcher

NAME: Final = "sandbox"
SANDBOX_PER_MINUTE: Final = "6000"
FREE_PLAN_PER_MINUTE: Final = "5"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The Polygon that the functions call: the addresses of its REST routes and of its stream, its key and calls a minute.

    ``sandbox`` is the address of the sandbox's control routes, or None for the real Polygon.
    """

    base_url: str
    stream_url: str
    key: str
    per_minute: str
    sandbox: str | None


def start_upstream(
    launcher: Launcher, caller: Mapping[str, str], environment: Mapping[str, str], clock_offset_us: int = 0
) -> Upstream:
    """Return the upstream that the caller's POLYGON_API_KEY, _BASE_URL, _STREAM_URL and _PER_MINUTE describe, or start a sandbox.

    ``clock_offset_us``: by how many microseconds the sandbox's clock is ahead of the machine's.
    """
    key = caller.get("POLYGON_API_KEY")
    if key:
        return Upstream(
            caller.get("POLYGON_BASE_URL") or "https://api.massive.com",
            caller.get("POLYGON_STREAM_URL") or "wss://socket.massive.com/stocks",
            key,
            caller.get("POLYGON_PER_MINUTE") or FREE_PLAN_PER_MINUTE,
            None,
        )
    command = [sys.executable, "-m", "local.sandbox", "--port", "0", "--plan", "advanced", "--key", SANDBOX_KEY]
    command += ["--clock-offset-us", str(clock_offset_us)]
    launcher.start(NAME, command, environment)
    address, stream = launcher.address(NAME), launcher.address(NAME, "ws")
    return Upstream(address, stream, SANDBOX_KEY, SANDBOX_PER_MINUTE, address)
