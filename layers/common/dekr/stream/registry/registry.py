"""The registry of the stream: connections, their users and pairs, and the log of changes that the relay follows.

All of it lives in one slot of the store, so each message of a client is one atomic script and nothing is ever half-written.
Nothing that belongs to a living connection expires by itself, or the store might evict it: it ends with ``close``, and everything
has a bound. Messages of one connection arrive in any order, ``$disconnect`` perhaps before ``$connect``, perhaps never.

A moment ``at_ms`` is that at which API Gateway received a message, in ms since the epoch: of two messages about a pair the later
one counts, and of two in the same millisecond the one that arrives last. Every method raises StoreDown.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final

from dekr.cache import keys
from dekr.store import Command, Script, Store, call, plain
from dekr.store.command import Word
from dekr.stream.cursor import StreamCursor
from dekr.stream.pairs import MAX_PARAMS, Pair
from dekr.stream.ports import Change, ChangeKind, Listener, Subscriber
from dekr.stream.registry import scripts
from dekr.stream.registry.replies import Admitted, Changed, Counts, Due, DueReason, Heard, change_of, listener_of

FOUND_AT_ONCE: Final = 50
"""So many connections are read in one script: it keeps the store for a few milliseconds even where each has a thousand pairs."""

LOOKED_UP_AT_ONCE: Final = 200
"""So many connections are looked up in one round trip."""

CHANGES_AT_ONCE: Final = 1_000
"""So many entries of the change log are read at once."""

_KEYS: Final = (
    "connections",
    "opened",
    "signing",
    "ends",
    "addresses",
    "users",
    "symbols",
    "pairs",
    "parked",
    "arrivals",
    "tombstones",
    "chg",
    "totals",
    "relay",
    "wake",
)
"""The registry's keys in the order in which registry.lua names them. Every script is handed all of them."""

_TOKEN_BYTES: Final = 8


@dataclass(slots=True, eq=False)
class Registry:
    """The registry in the store. ``token``: random text for each call that only one caller may win."""

    store: Store
    token: Callable[[], str] = field(default=lambda: secrets.token_hex(_TOKEN_BYTES))

    def open(self, connection: str, address: str, at_ms: int) -> bool:
        """Enter a new connection (``$connect``).

        False: too many connections of this address, or of all, wait for their sign-in; or its ``$disconnect`` came first.
        """
        return bool(self._run(scripts.OPEN, connection, address, at_ms))

    def greet(self, connection: str) -> bool:
        """Whether the caller is the one to greet this connection: True once only, and only where the connection exists."""
        return bool(self._run(scripts.GREET, connection, self.token()))

    def put_off(self, connection: str) -> None:
        """Leave the greeting to whoever asks next: the caller was to greet, and could not yet."""
        self._run(scripts.PUT_OFF, connection)

    def hear(self, connection: str) -> Heard:
        """Look up the sender of a message, and count the message against what a connection may send."""
        return Heard.of(self._run(scripts.HEAR, connection, 1))

    def look_up(self, connection: str) -> Heard:
        """Look up a connection without counting anything."""
        return Heard.of(self._run(scripts.HEAR, connection, 0))

    def admit(self, connection: str, subscriber: Subscriber, at_ms: int) -> Admitted:
        """Sign a connection in. It is ADMITTED then; ``release`` follows once the client has been told.

        The newest socket of a user wins: the oldest above the tier's number are evicted. Signing in twice changes nothing.
        """
        who = subscriber.user, int(subscriber.tier), subscriber.key_id, subscriber.ends_ms or 0
        return Admitted.of(self._run(scripts.ADMIT, connection, *who, at_ms))

    def release(self, connection: str) -> Changed:
        """Let an ADMITTED connection listen. What was parked takes effect, as by ``change``."""
        return Changed.of(self._run(scripts.RELEASE, connection))

    def change(
        self,
        connection: str,
        kind: ChangeKind,
        pairs: Sequence[Pair],
        at_ms: int,
        *,
        since: StreamCursor | None = None,
        snapshot: bool = False,
    ) -> Changed:
        """Add pairs to a connection or remove them. Before its sign-in is over they are parked.

        ``since``: the relay replays the added pairs from there on. ``snapshot``: it sends the latest event of each first.
        """
        assert kind is not ChangeKind.GONE, "close says that a connection is gone"
        texts = list(dict.fromkeys(pair.text for pair in pairs))
        sent, beyond = texts[:MAX_PARAMS], texts[MAX_PARAMS:]
        cursor = since.text if since else ""
        reply = self._run(scripts.CHANGE, connection, kind.value, at_ms, cursor, int(snapshot), *sent)
        return Changed.of(reply, beyond)

    def close(self, connection: str, at_ms: int) -> None:
        """Take a connection out (``$disconnect``, or a post found it gone). Its id is refused for some minutes."""
        self._run(scripts.CLOSE, connection, at_ms)

    def demote(self, connection: str, subscriber: Subscriber) -> Changed:
        """Give the user's sockets that came with the same key, this one among them, the tier of ``subscriber``.

        The oldest sockets and the newest symbols that the tier does not allow are removed. ``over`` and ``refused`` are the
        pairs that this connection has lost; the relay tells all of the user's connections of theirs.
        """
        return Changed.of(self._run(scripts.DEMOTE, connection, subscriber.user, int(subscriber.tier)))

    def listeners(self) -> tuple[str, list[Listener]]:
        """Read all connections that listen, in several commands, and where in the change log to go on.

        The position is that from before the first was read, so no change is missed; some may be seen twice.
        """
        last, ids = self.store.run(
            plain("XREVRANGE", self._key("chg"), "+", "-", "COUNT", 1), plain("ZRANGE", self._key("opened"), 0, -1)
        )
        position = last[0][0].decode() if last else "0-0"
        return position, list(self._found([each.decode() for each in ids]))

    def find(self, connection: str) -> Listener | None:
        """Read one connection and its pairs. None where it does not listen."""
        return next(self._found([connection]), None)

    def signed_in(self) -> dict[str, Subscriber]:
        """Read who is behind each connection that is signed in, without their pairs, in several commands."""
        ids = [each.decode() for each in self.store.run(plain("ZRANGE", self._key("opened"), 0, -1))[0]]
        names = [self._key(name) for name in _KEYS]
        found: dict[str, Subscriber] = {}
        for some in batched(ids, LOOKED_UP_AT_ONCE, strict=False):
            replies = self.store.run(*(call(scripts.HEAR, names, each, 0) for each in some))
            heard = zip(some, map(Heard.of, replies), strict=True)
            found |= {each: who.subscriber for each, who in heard if who.subscriber is not None}
        return found

    def read_changes(self, after: str) -> Command:
        """Make the command that reads the change log after a position, CHANGES_AT_ONCE entries at most."""
        return plain("XRANGE", self._key("chg"), f"({after}", "+", "COUNT", CHANGES_AT_ONCE)

    @staticmethod
    def changes_of(reply: Sequence[Any], after: str) -> tuple[list[Change], str]:
        """Read the reply to ``read_changes(after)``: the changes, and the position from which to go on."""
        position = reply[-1][0].decode() if reply else after
        return [change_of(fields) for _, fields in reply], position

    def due(self, now_ms: int, limit: int) -> list[Due]:
        """Find connections that have to be closed, ``limit`` for each reason at most. They stay until ``close``."""
        found = self._run(scripts.DUE, now_ms, limit)
        due = {
            each.decode(): DueReason(reason) for reason, ids in zip(_DUE_REASONS, found, strict=True) for each in ids
        }
        return [Due(connection, reason) for connection, reason in due.items()]

    def counts(self) -> Counts:
        """Count connections, users and pairs."""
        return Counts(*self._run(scripts.COUNTS))

    def _found(self, connections: Sequence[str]) -> Iterator[Listener]:
        for first in range(0, len(connections), FOUND_AT_ONCE):
            yield from map(listener_of, self._run(scripts.FIND, *connections[first : first + FOUND_AT_ONCE]))

    def _run(self, script: Script, *args: Word) -> Any:  # noqa: ANN401 - each script has a reply of its own
        return self.store.run(call(script, [self._key(name) for name in _KEYS], *args))[0]

    def _key(self, name: str) -> str:
        return keys.stream(self.store.prefix, name)


_DUE_REASONS: Final = (DueReason.AUTH_TIMEOUT, DueReason.TOKEN_ENDED, DueReason.EXPIRED)
"""In the order of the lists in the reply of due.lua."""
