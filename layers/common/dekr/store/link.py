"""The link to one Redis endpoint: a pipeline is one write and one read on one connection.

The same connection serves every request of a sandbox, so a call may be sent again after a broken one. Every script can be run
twice: a lease or a budget entry is taken under a token, a put is put-if-newer; a limit may count a request twice. A Lambda
sandbox handles one request at a time; a link is not for several threads.

Bounds: the first connect may take 1 s (TLS and IAM), later ones 100 ms, a reply 100 ms (longer for a large one); one
retry on a fresh connection; after three failures in a row nothing is tried for a second.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hiredis import pack_command

from dekr.errors import StoreDown
from dekr.store.command import Command
from dekr.store.import_parts import package_unopened

with package_unopened("redis"):
    from redis._parsers.hiredis import NOT_ENOUGH_DATA
    from redis.backoff import NoBackoff
    from redis.connection import Connection, parse_url
    from redis.credentials import CredentialProvider
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
    from redis.exceptions import TimeoutError as RedisTimeoutError
    from redis.retry import Retry

FIRST_CONNECT_S: Final = 1.0
CONNECT_S: Final = 0.1
REPLY_S: Final = 0.1
FAILURES_TO_OPEN: Final = 3
OPEN_S: Final = 1.0


class Store(Protocol):
    """A link to the store, as the rest of the service sees it.

    ``prefix`` starts every key. ``clock_offset_us`` is added to Redis's clock inside every script; only tests set it.
    """

    prefix: str
    clock_offset_us: int

    def run(self, *commands: Command) -> list[Any]:
        """Send all commands in one round trip and return their replies in order.

        Raises StoreDown when the store cannot be reached in time or refuses a command.
        """
        ...

    def shards(self) -> Sequence["Store"]:
        """A link to each node that holds a part of the keys, for commands that look at all of them. Raises StoreDown."""
        ...


def checked(replies: list[Any]) -> list[Any]:
    """Return the replies where none is an error. Raises StoreDown for the first error."""
    for reply in replies:
        if isinstance(reply, RedisError):
            raise StoreDown(f"The shared store refused a command ({type(reply).__name__}).") from reply
    return replies


@dataclass(slots=True, eq=False)
class LinkBreaker:
    """A breaker of the link: it opens for OPEN_S after FAILURES_TO_OPEN failures in a row, so that an unreachable store does not
    cost every request a time-out.
    """

    monotonic: Callable[[], float] = time.monotonic
    failures: int = 0
    open_until_s: float = 0.0

    def check(self) -> None:
        """Raise StoreDown while the breaker is open."""
        if self.failures >= FAILURES_TO_OPEN and self.monotonic() < self.open_until_s:
            raise StoreDown(fault="not tried again so soon")

    def failed(self) -> None:
        """Count one failure."""
        self.failures += 1
        self.open_until_s = self.monotonic() + OPEN_S

    def worked(self) -> None:
        """Note a success: forget the failures."""
        self.failures = 0


@dataclass(slots=True, eq=False)
class Link:
    """A Store on one endpoint: a single node, or ElastiCache Serverless, which finds the shard of a key by itself."""

    connection: Connection
    prefix: str = "dekr:"
    clock_offset_us: int = 0
    breaker: LinkBreaker = field(default_factory=LinkBreaker)

    @classmethod
    def open(cls, url: str, *, prefix: str = "dekr:", credentials: CredentialProvider | None = None) -> "Link":
        """Make a link to a ``redis://`` or ``rediss://`` URL. It connects with the first command."""
        options: dict[str, Any] = {
            **parse_url(url),
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": REPLY_S,
            "socket_connect_timeout": FIRST_CONNECT_S,
            "retry": Retry(NoBackoff(), 0),
        }
        kind = options.pop("connection_class", Connection)
        if credentials is not None:
            options["credential_provider"] = credentials
        return cls(kind(**options), prefix)

    def run(self, *commands: Command) -> list[Any]:
        """Send all commands in one round trip and return their replies in order. Raises StoreDown."""
        self.breaker.check()
        replies = self._send_with_retry([command.packed(self.clock_offset_us) for command in commands])
        if not [reply for reply in replies if isinstance(reply, RedisError)]:
            return replies
        again = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError | ReadOnlyError)]
        if again:
            if any(isinstance(replies[i], ReadOnlyError) for i in again):
                self.connection.disconnect()
            sources: Any = [commands[i].wire_words(self.clock_offset_us, by_source=True) for i in again]
            for i, reply in zip(again, self._send_with_retry([pack_command(words) for words in sources]), strict=True):
                replies[i] = reply
        return checked(replies)

    def shards(self) -> Sequence[Store]:
        """A link to each node that holds a part of the keys. Raises StoreDown."""
        return (self,)

    def close(self) -> None:
        """Close the connection."""
        self.connection.disconnect()

    def _send_with_retry(self, batch: Sequence[bytes]) -> list[Any]:
        try:
            replies = self._send(batch)
        except (RedisConnectionError, RedisTimeoutError):
            self.connection.disconnect()
            try:
                replies = self._send(batch)
            except RedisError as error:
                self.connection.disconnect()
                self.breaker.failed()
                raise StoreDown from error
        except RedisError as error:
            # A connection that failed half-way through its handshake cannot be used again.
            self.connection.disconnect()
            self.breaker.failed()
            raise StoreDown from error
        self.breaker.worked()
        return replies

    def _send(self, batch: Sequence[bytes]) -> list[Any]:
        connection = self.connection
        connection.send_packed_command([b"".join(batch)], check_health=False)
        connection.socket_connect_timeout = CONNECT_S
        # Whatever goes wrong closes the connection: no reply may be left for the next caller.
        try:
            return _replies(connection, len(batch))
        except OSError as error:
            connection.disconnect()
            raise RedisConnectionError("The connection broke while a reply was read.") from error
        except BaseException:
            connection.disconnect()
            raise


def _replies(connection: Connection, count: int) -> list[Any]:
    """Read so many replies; an error reply is returned in its place.

    Taken from redis-py's own reader: its ``read_response`` takes longer for each reply than hiredis does for a hundred.
    """
    parser: Any = connection._parser  # noqa: SLF001 - redis-py has no public way to read many replies at once
    reader = parser._reader  # noqa: SLF001 - hiredis' reader, which redis-py keeps to itself
    replies: list[Any] = []
    while len(replies) < count:
        reply = reader.gets()
        if reply is NOT_ENOUGH_DATA:
            parser.read_from_socket()
        elif isinstance(reply, RedisConnectionError):
            # The server does not serve yet, or not any more.
            raise reply
        else:
            replies.append(reply)
    return replies
