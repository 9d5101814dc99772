"""Two real Redis servers: the primary, which the service uses, and its replica."""

import os
import signal
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field

import redis
from redis.exceptions import RedisError

from local.ports import free_port
from tests.patience import patient_url
from tests.redis_servers import RedisServer, redis_single

_OPTIONS = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")


@dataclass(slots=True)
class RedisPair:
    """A primary and its replica. All methods block."""

    stack: ExitStack = field(default_factory=ExitStack)
    primary: RedisServer = field(init=False)
    replica: RedisServer = field(init=False)

    def __post_init__(self) -> None:
        self.primary, self.replica = self._start(free_port()), self._start(free_port())
        self._replicate(self.replica, self.primary)

    def client(self) -> redis.Redis:
        """Return a client of the primary."""
        return self._client_of(self.primary)

    def kill(self) -> None:
        """Kill the primary with SIGKILL."""
        self.primary.process.kill()
        self.primary.process.wait()

    def restart(self) -> None:
        """Start the primary again, without data."""
        self.primary = self._start(self.primary.port)

    def stop(self) -> None:
        """Suspend the primary with SIGSTOP."""
        os.kill(self.primary.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the primary with SIGCONT."""
        os.kill(self.primary.process.pid, signal.SIGCONT)

    def promote(self) -> None:
        """Make the replica the primary. The old primary accepts writes until ``demote``."""
        with closing(self._client_of(self.replica)) as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self.primary, self.replica = self.replica, self.primary

    def demote(self) -> None:
        """Make the old primary replicate the new one."""
        self._replicate(self.replica, self.primary)

    def close(self) -> None:
        """End both servers."""
        self.stack.close()

    def _start(self, port: int) -> RedisServer:
        return self.stack.enter_context(redis_single(*_OPTIONS, port=port))

    def _replicate(self, replica: RedisServer, primary: RedisServer) -> None:
        with closing(self._client_of(replica)) as client, suppress(RedisError):
            client.execute_command("REPLICAOF", "127.0.0.1", primary.port)

    def _client_of(self, server: RedisServer) -> redis.Redis:
        return redis.Redis.from_url(patient_url(server.url))
