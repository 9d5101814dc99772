"""The stack's Redis: the one that REDIS_URL names, an installed server, or the embedded one."""

import shutil
import sys
from collections.abc import Mapping
from typing import Final

import redis
from redis.exceptions import RedisError

from local.ports import free_port
from local.stack.launcher import Launcher, StackError

NAME: Final = "redis"


def start_store(launcher: Launcher, environment: Mapping[str, str]) -> str:
    """Return the URL of a Redis that answers, and start one if REDIS_URL names none. Raises StackError if it does not
    answer.
    """
    url = environment.get("REDIS_URL")
    if url:
        if not _answers(url):
            raise StackError("The Redis that REDIS_URL names does not answer.")
        return url
    program = shutil.which("redis-server", path=environment.get("PATH"))
    program = program or shutil.which("valkey-server", path=environment.get("PATH"))
    if program is None:
        launcher.start(NAME, [sys.executable, "-m", "local.stack.embedded_redis"], environment)
        return launcher.address(NAME, "redis")
    return _installed(launcher, program, environment)


def _installed(launcher: Launcher, program: str, environment: Mapping[str, str]) -> str:
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    launcher.start(NAME, [program, *options, "--dir", str(launcher.folder.scratch)], environment)
    url = f"redis://127.0.0.1:{port}/0"
    launcher.wait(NAME, lambda: _answers(url))
    return url


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False
