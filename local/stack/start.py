"""Starts a whole stack, step by step."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from local.stack.build import build
from local.stack.cloud import start_cloud, wait_cloud
from local.stack.deploy import deploy
from local.stack.folder import ROOT, write_json
from local.stack.launcher import Launcher, StackError
from local.stack.seed import make_keys, store_polygon_key
from local.stack.stores import start_store
from local.stack.upstream import start_upstream

FIRST_ANSWER_S = 30.0


def start(launcher: Launcher, caller: Mapping[str, str]) -> dict[str, Any]:
    """Start everything, see that it answers, and write down what it is. Raises StackError.

    ``caller`` is the environment: REDIS_URL, POLYGON_API_KEY, POLYGON_BASE_URL and POLYGON_PER_MINUTE are optional.
    """
    environment = _for_children(caller)
    cloud = start_cloud(launcher)
    redis_url = start_store(launcher, environment)
    upstream = start_upstream(launcher, caller, environment)
    template = build(launcher, environment)
    wait_cloud(launcher, cloud)
    deployed = deploy(launcher, cloud, template, redis_url, upstream, environment)
    store_polygon_key(cloud, deployed.outputs["PolygonSecret"], upstream.key)
    keys = make_keys(cloud, deployed.outputs["KeysTable"], datetime.now(UTC))
    door = [sys.executable, "-m", "local.stack.front_door", "--target", cloud.endpoint, "--api", deployed.api]
    launcher.start("front-door", door, environment)
    http = launcher.address("front-door")
    _see_health(http)
    stack = {
        "http": http,
        "ws": None,
        "sandbox": upstream.sandbox,
        "redis": redis_url,
        "api_keys": keys.by_tier,
        "admin_key": keys.admin,
        "aws": cloud.endpoint,
        "template": str(template),
        "outputs": dict(deployed.outputs),
    }
    write_json(launcher.folder.state, stack)
    return stack


def _for_children(caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what leads to real accounts or holds the real Polygon key."""
    kept = {name: value for name, value in caller.items() if not name.startswith(("AWS_", "POLYGON_"))}
    return {**kept, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}", "SAM_CLI_TELEMETRY": "0"}


def _see_health(http: str) -> None:
    answer = httpx.get(f"{http}/health", timeout=FIRST_ANSWER_S, trust_env=False)
    if not answer.is_success:
        raise StackError(f"The deployed service does not serve: {answer.status_code} {answer.text[:500]}")
