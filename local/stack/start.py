"""Start a whole stack, step by step."""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from typing import Any

import httpx

from local.ports import HOST, listen
from local.stack.build import build
from local.stack.caller import check_caller
from local.stack.cloud import start_cloud, wait_cloud
from local.stack.deploy import ALIAS, deploy
from local.stack.folder import ROOT, write_json
from local.stack.launcher import Launcher, StackError
from local.stack.moments import clock_offset_us
from local.stack.seed import make_keys, store_polygon_key
from local.stack.socket_door import url_at
from local.stack.stores import start_store
from local.stack.upstream import start_upstream

FIRST_ANSWER_TIMEOUT_S = 300.0
"""The time in seconds that the first answer may take, on a busy machine, too."""


def start(launcher: Launcher, caller: Mapping[str, str]) -> dict[str, Any]:
    """Start every part of a stack, check that it answers, and record its addresses and keys in the folder. Return that
    record.

    ``caller`` is the environment: REDIS_URL, POLYGON_API_KEY, POLYGON_BASE_URL, POLYGON_STREAM_URL, POLYGON_PER_MINUTE
    and AT are optional.
    Raises StackError if one of them cannot be used, or if a part does not start.
    """
    check_caller(caller)
    offset_us = clock_offset_us(caller.get("AT"), time.time_ns() // 1000)
    environment = _child_environment(caller)
    cloud = start_cloud(launcher, offset_us)
    redis_url = start_store(launcher, environment)
    upstream = start_upstream(launcher, caller, environment, offset_us)
    template = build(launcher, environment)
    wait_cloud(launcher, cloud)
    # The functions are told the doors' addresses when they are deployed, before these can know where to lead.
    with listen() as front, listen() as back:
        http, ws = f"http://{HOST}:{front.getsockname()[1]}", url_at(back.getsockname()[1])
        deployed = deploy(launcher, cloud, template, redis_url, upstream, http, ws, environment)
        store_polygon_key(cloud, deployed.outputs["PolygonSecret"], upstream.key)
        keys = make_keys(cloud, deployed.outputs["KeysTable"], datetime.now(UTC))
        to_api = ["--target", cloud.endpoint, "--api", deployed.api]
        _open(launcher, "front-door", front, to_api, environment)
        function = f"{deployed.outputs['StreamConnectFunction']}:{ALIAS}"
        to_function = ["--target", cloud.endpoint, "--api", deployed.stream_api, "--function", function]
        to_function += ["--clock-offset-us", str(offset_us)]
        _open(launcher, "socket-door", back, to_function, environment)
        launcher.address("front-door")
        launcher.address("socket-door", "ws")
    _check_health(http)
    stack = {
        "http": http,
        "ws": ws,
        "sandbox": upstream.sandbox,
        "polygon": upstream.base_url,
        "redis": redis_url,
        "api_keys": keys.by_tier,
        "admin_key": keys.admin,
        "aws": cloud.endpoint,
        "template": str(template),
        "outputs": dict(deployed.outputs),
        "clock_offset_us": offset_us,
    }
    write_json(launcher.folder.state, stack)
    return stack


def _open(
    launcher: Launcher, name: str, listener: socket, options: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Start a door on a socket that listens already."""
    program = f"local.stack.{name.replace('-', '_')}"
    door: list[str | Path] = [sys.executable, "-m", program, "--socket", str(listener.fileno()), *options]
    launcher.start(name, door, environment, inherited=(listener.fileno(),))


def _child_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without variables that lead to real accounts or hold the real Polygon key."""
    inherited = {name: value for name, value in caller.items() if not name.startswith(("AWS_", "POLYGON_"))}
    return {**inherited, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}", "SAM_CLI_TELEMETRY": "0"}


def _check_health(http: str) -> None:
    answer = httpx.get(f"{http}/health", timeout=FIRST_ANSWER_TIMEOUT_S, trust_env=False)
    if not answer.is_success:
        raise StackError(f"The deployed service does not serve: {answer.status_code} {answer.text[:500]}")
