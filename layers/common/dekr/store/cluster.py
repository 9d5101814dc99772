"""The store on a node-based cluster: one pipeline for each node, all of them sent before any is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.connection import ConnectionPool
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.retry import Retry

from dekr.errors import StoreDown
from dekr.store.command import Command
from dekr.store.connection import StoreConnection, connection_options
from dekr.store.link import Link, LinkBreaker, Store, checked

_FAILURES = (RedisError, RedisClusterException)
"""redis-py's errors: where it can reach no node, it raises one that is no RedisError."""


@dataclass(slots=True, eq=False)
class ClusterLink:
    """A Store on a node-based cluster. redis-py keeps the map of slots and follows the redirections MOVED and ASK."""

    url: str
    prefix: str = "dekr:"
    clock_offset_us: int = 0
    breaker: LinkBreaker = field(default_factory=LinkBreaker)
    _options: dict[str, Any] = field(init=False)
    _cluster: RedisCluster | None = None
    _shards: dict[str, Link] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._options = connection_options(self.url)

    def run(self, *commands: Command) -> list[Any]:
        """See dekr.store.link.Store.run."""
        self.breaker.check()
        try:
            replies = self._execute(commands, by_source=False)
            again = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            for i, reply in zip(again, self._execute([commands[i] for i in again], by_source=True), strict=True):
                replies[i] = reply
        except _FAILURES as error:
            self.close()
            raise self.breaker.failed(error) from error
        self.breaker.worked()
        return checked(replies)

    def shards(self) -> Sequence[Store]:
        """See dekr.store.link.Store.shards."""
        try:
            nodes = self._connected().get_primaries()
        except _FAILURES as error:
            raise StoreDown from error
        return [self._shard(node.host, node.port) for node in nodes]

    def pool(self, *, host: str, port: int, **given: Any) -> ConnectionPool:  # noqa: ANN401 - redis-py's own options
        """Make a pool of connections to one node. ``given``: what redis-py's cluster client wants them to do besides."""
        return ConnectionPool(StoreConnection, **{**given, **self._options, "host": host, "port": port})

    def _shard(self, host: str, port: int) -> Link:
        address = f"{host}:{port}"
        if address not in self._shards:
            connection = StoreConnection(**{**self._options, "host": host, "port": port})
            self._shards[address] = Link(connection, self.prefix)
        return self._shards[address]

    def close(self) -> None:
        """Close every connection."""
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
        for link in self._shards.values():
            link.close()
        self._shards.clear()

    def _execute(self, commands: "tuple[Command, ...] | list[Command]", *, by_source: bool) -> list[Any]:
        if not commands:
            return []
        pipeline = self._connected().pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command.wire_words(self.clock_offset_us, by_source=by_source))
        return list(map(_raw, pipeline.execute(raise_on_error=False)))

    def _connected(self) -> RedisCluster:
        if self._cluster is None:
            # Only where the cluster is: all else about its connections is in the options of their pools.
            address = urlsplit(self.url).netloc.rpartition("@")[2]
            self._cluster = RedisCluster(
                url=f"redis://{address}",
                protocol=2,
                driver_info=None,
                retry=Retry(NoBackoff(), 1),
                connection_pool_class=self.pool,
            )
        return self._cluster


def _raw(reply: Any) -> Any:  # noqa: ANN401 - any reply
    """Undo what redis-py makes of some replies (HGETALL, XRANGE), so that they are as those of a single endpoint's link."""
    if isinstance(reply, dict):
        return [each for item in reply.items() for each in item]
    return list(map(_raw, reply)) if isinstance(reply, list | tuple) else reply
