"""The link to one Redis endpoint: a pipeline is one write and one read on one connection.

The same connection serves every request of a sandbox, so a call may be sent again after a broken one. Every script can be run
twice: a lease or a budget entry is taken under a token, a put is put-if-newer; a limit may count a request twice. A Lambda
sandbox handles one request at a time; a link is not for several threads.

Bounds: a sign-in may take 2 s, a reply 100 ms (longer for a large one), see dekr.store.connection; one retry on a fresh connection,
none where it could not be made. After three failures in a row nothing is tried for a second, and for longer and longer,
up to 30 s, while no connection can be made.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hiredis import pack_command

from dekr.errors import StoreDown
from dekr.store.command import Command
from dekr.store.connection import SignInFailed, StoreConnection, connection_options, failed_sign_in
from dekr.store.import_parts import package_unopened

with package_unopened("redis"):
    from redis._parsers.hiredis import NOT_ENOUGH_DATA
    from redis.credentials import CredentialProvider
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
    from redis.exceptions import TimeoutError as RedisTimeoutError

FAILURES_TO_OPEN: Final = 3
OPEN_S: Final = 1.0
"""The shortest time in seconds for which the breaker opens."""

MAX_OPEN_S: Final = 30.0
"""The longest time in seconds for which the breaker opens while no connection can be made."""

_MAX_DOUBLINGS: Final = 5
"""After so many, OPEN_S is longer than MAX_OPEN_S."""


class Store(Protocol):
    """A link to the store, as the rest of the service sees it.

    ``prefix`` starts every key. ``clock_offset_us`` is added to Redis's clock inside every script; only tests and the local cloud
    set it.
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
    """A breaker of the link: it opens after FAILURES_TO_OPEN failures in a row, so that an unreachable store does not cost every
    request a time-out. It opens for OPEN_S, or where no connection could be made for a random time between OPEN_S and a limit that
    doubles with each failure up to MAX_OPEN_S: sandboxes must not all sign in at once to a store that comes back.

    ``random``: numbers from 0 to 1.
    """

    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    failures: int = 0
    open_until_s: float = 0.0

    def check(self) -> None:
        """Raise StoreDown while the breaker is open."""
        if self.failures >= FAILURES_TO_OPEN and self.monotonic() < self.open_until_s:
            raise StoreDown(fault="not tried again so soon")

    def failed(self, error: Exception) -> StoreDown:
        """Count one failure, and return the error to raise from it. Its fault says what ended a sign-in."""
        self.failures += 1
        longest_s, fault = OPEN_S, None
        if sign_in := failed_sign_in(error):
            fault = f"sign-in: {type(sign_in.__cause__).__name__}"
            doublings = min(max(0, self.failures - FAILURES_TO_OPEN + 1), _MAX_DOUBLINGS)
            longest_s = min(MAX_OPEN_S, OPEN_S * 2**doublings)
        self.open_until_s = self.monotonic() + OPEN_S + self.random() * (longest_s - OPEN_S)
        return StoreDown(fault=fault)

    def worked(self) -> None:
        """Note a success: forget the failures."""
        self.failures = 0


@dataclass(slots=True, eq=False)
class Link:
    """A Store on one endpoint: a single node, or ElastiCache Serverless, which finds the shard of a key by itself."""

    connection: StoreConnection
    prefix: str = "dekr:"
    clock_offset_us: int = 0
    breaker: LinkBreaker = field(default_factory=LinkBreaker)

    @classmethod
    def open(cls, url: str, *, prefix: str = "dekr:", credentials: CredentialProvider | None = None) -> "Link":
        """Make a link to a ``redis://`` or ``rediss://`` URL. It connects with the first command."""
        return cls(StoreConnection(**connection_options(url), credential_provider=credentials), prefix)

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
            try:
                replies = self._send(batch)
            except SignInFailed:
                raise
            except (RedisConnectionError, RedisTimeoutError):
                self.connection.disconnect()
                replies = self._send(batch)
        except RedisError as error:
            self.connection.disconnect()
            raise self.breaker.failed(error) from error
        self.breaker.worked()
        return replies

    def _send(self, batch: Sequence[bytes]) -> list[Any]:
        connection = self.connection
        connection.send_packed_command([b"".join(batch)], check_health=False)
        # Whatever goes wrong closes the connection: no reply may be left for the next caller.
        try:
            return _replies(connection, len(batch))
        except OSError as error:
            connection.disconnect()
            raise RedisConnectionError("The connection broke while a reply was read.") from error
        except BaseException:
            connection.disconnect()
            raise


def _replies(connection: StoreConnection, count: int) -> list[Any]:
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
