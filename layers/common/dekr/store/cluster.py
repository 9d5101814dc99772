"""The store on a node-based cluster: one pipeline for each node, all of them sent before any is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from dekr.errors import StoreDown
from dekr.store.command import Command
from dekr.store.link import CONNECT_S, FIRST_CONNECT_S, REPLY_S, Link, LinkBreaker, Store, checked


@dataclass(slots=True, eq=False)
class ClusterLink:
    """A Store on a node-based cluster. redis-py keeps the map of slots and follows the redirections MOVED and ASK."""

    url: str
    prefix: str = "dekr:"
    clock_offset_us: int = 0
    breaker: LinkBreaker = field(default_factory=LinkBreaker)
    _cluster: RedisCluster | None = None
    _shards: dict[str, Link] = field(default_factory=dict)

    def run(self, *commands: Command) -> list[Any]:
        """See dekr.store.link.Store.run."""
        self.breaker.check()
        try:
            replies = self._execute(commands, by_source=False)
            again = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            for i, reply in zip(again, self._execute([commands[i] for i in again], by_source=True), strict=True):
                replies[i] = reply
        except RedisError as error:
            self.close()
            self.breaker.failed()
            raise StoreDown from error
        self.breaker.worked()
        return checked(replies)

    def shards(self) -> Sequence[Store]:
        """See dekr.store.link.Store.shards."""
        try:
            nodes = self._connected().get_primaries()
        except RedisError as error:
            raise StoreDown from error
        return [self._shard(f"{node.host}:{node.port}") for node in nodes]

    def _shard(self, address: str) -> Link:
        if address not in self._shards:
            parts = urlsplit(self.url)
            secret, at, _ = parts.netloc.rpartition("@")
            url = urlunsplit(parts._replace(netloc=secret + at + address))
            self._shards[address] = Link.open(url, prefix=self.prefix)
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
        return list(pipeline.execute(raise_on_error=False))

    def _connected(self) -> RedisCluster:
        if self._cluster is None:
            self._cluster = RedisCluster.from_url(
                self.url,
                protocol=2,
                driver_info=None,
                socket_timeout=REPLY_S,
                socket_connect_timeout=FIRST_CONNECT_S,
                retry=Retry(NoBackoff(), 1),
            )
            # Replies are raw, as those of a single endpoint's link.
            self._cluster.set_response_callback("HGETALL", lambda reply, **_: reply)
            for node in self._cluster.get_nodes():
                if node.redis_connection is not None:
                    node.redis_connection.connection_pool.connection_kwargs["socket_connect_timeout"] = CONNECT_S
        return self._cluster
