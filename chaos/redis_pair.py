"""Two real Redis servers: one that the service uses, and its replica."""

import os
import signal
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

import redis
from redis.exceptions import RedisError

from local.ports import free_port
from tests.redis_servers import RedisServer, redis_single

_OPTIONS = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


@dataclass(slots=True)
class RedisPair:
    """``primary`` is the one that is used. All methods block."""

    stack: ExitStack = field(default_factory=ExitStack)
    primary: RedisServer = field(init=False)
    replica: RedisServer = field(init=False)

    def __post_init__(self) -> None:
        self.primary, self.replica = self._start(free_port()), self._start(free_port())
        self._follow(self.replica, self.primary)

    def client(self) -> redis.Redis:
        """A client of the primary that does not wait long."""
        return redis.Redis(port=self.primary.port, socket_timeout=2, socket_connect_timeout=1)

    def kill(self) -> None:
        """Kill the primary."""
        self.primary.process.kill()
        self.primary.process.wait()

    def restart(self) -> None:
        """Start the primary again, with nothing in it."""
        self.primary = self._start(self.primary.port)

    def stop(self) -> None:
        """Stop the primary's process where it stands."""
        os.kill(self.primary.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the primary's process go on."""
        os.kill(self.primary.process.pid, signal.SIGCONT)

    def promote(self) -> None:
        """Make the replica the primary; the old one takes writes until ``demote``."""
        with closing(self._to(self.replica)) as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self.primary, self.replica = self.replica, self.primary

    def demote(self) -> None:
        """Make the old primary follow the new one."""
        self._follow(self.replica, self.primary)

    def close(self) -> None:
        """End both."""
        self.stack.close()

    def _start(self, port: int) -> RedisServer:
        return self.stack.enter_context(redis_single(*_OPTIONS, port=port))

    def _follow(self, one: RedisServer, other: RedisServer) -> None:
        with closing(self._to(one)) as client, suppress(RedisError):
            client.execute_command("REPLICAOF", "127.0.0.1", other.port)

    def _to(self, server: RedisServer) -> redis.Redis:
        return redis.Redis(port=server.port, socket_timeout=2, socket_connect_timeout=1)
