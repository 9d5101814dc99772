"""The answers of the registry, read from the replies of its scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from dekr.stream.cursor import StreamCursor
from dekr.stream.ports import Change, ChangeKind, Listener, State, Subscriber
from dekr.tiers import Tier

STREAMING: Final = "streaming"
"""The feature of a tier (dekr.tiers) without which no pair may be subscribed to."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A connection that has sent a message. ``flooding``: the message is one too many and is not for serving.

    ``subscriber``: None before sign-in. ``opened_ms``: when it connected, 0 where the state is GONE.
    """

    state: State
    flooding: bool
    subscriber: Subscriber | None
    opened_ms: int

    @classmethod
    def of(cls, reply: Sequence[Any]) -> "Heard":
        """Read the reply of hear.lua."""
        state, flooding, opened_ms, *who = reply
        return cls(State(state.decode()), bool(flooding), _subscriber(who), opened_ms)


@dataclass(frozen=True, slots=True)
class Admitted:
    """The outcome of a sign-in. ``state``: that of the connection afterwards, GONE where there is none.

    ``evicted``: the user's oldest sockets, which had to go; they are out of the registry, and the caller tells and closes
    them. ``refused``: so many sockets of the user were evicted of late that this one is refused in their place. ``other``: the
    connection belongs to another user already.
    """

    state: State
    evicted: tuple[str, ...] = ()
    refused: bool = False
    other: bool = False

    @classmethod
    def of(cls, reply: Sequence[Any]) -> "Admitted":
        """Read the reply of admit.lua."""
        state, evicted, refused, other = reply
        return cls(State(state.decode()), _texts(evicted), bool(refused), bool(other))


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcome of a change of subscriptions.

    ``state``: that of the connection, GONE where there is none. ``parked``: how many pairs of the connection wait for the end
    of its sign-in. ``over``: pairs above what the tier, or the waiting room, holds. ``refused``: pairs of which the tier lacks the
    feature. ``wake``: the caller is the one to start a relay. ``evicted``: sockets of the user that a lower tier does not allow any
    more; they are out of the registry, and the caller tells and closes them.
    """

    state: State
    parked: int = 0
    over: tuple[str, ...] = ()
    wake: bool = False
    refused: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()

    @classmethod
    def of(cls, reply: Sequence[Any], beyond: Sequence[str] = ()) -> "Changed":
        """Read the reply of change.lua, release.lua or demote.lua. ``beyond``: pairs that were not even sent."""
        state, parked, over, refused, wake, evicted = reply
        more = (*_texts(over), *beyond)
        return cls(State(state.decode()), parked, more, bool(wake), _texts(refused), _texts(evicted))


class DueReason(StrEnum):
    """Why a connection has to be closed."""

    AUTH_TIMEOUT = "auth_timeout"
    """It has not signed in in time."""
    EXPIRED = "expired"
    """It is as old as a connection may be."""
    TOKEN_ENDED = "token_ended"  # noqa: S105 - a reason, no password
    """The token with which it signed in has expired."""


@dataclass(frozen=True, slots=True)
class Due:
    """A connection that has to be closed, and why."""

    connection: str
    reason: DueReason


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of the registry. ``sockets``: all connections, ``signed_in``: those of a known user. ``pairs``: over all
    connections, a pair of two connections twice.
    """

    sockets: int
    signed_in: int
    users: int
    pairs: int


def listener_of(reply: Sequence[Any]) -> Listener:
    """Read a listener in the reply of find.lua."""
    connection, opened_ms, user, tier, key_id, ends_ms, *pairs = reply
    subscriber = _subscriber((user, tier, key_id, ends_ms))
    assert subscriber is not None
    return Listener(connection.decode(), subscriber, frozenset(_texts(pairs)), opened_ms)


def change_of(fields: Sequence[bytes]) -> Change:
    """Read the fields of an entry of the change log, as log_change in registry.lua writes them."""
    texts = {fields[i].decode(): fields[i + 1].decode() for i in range(0, len(fields), 2)}
    user = texts["user"]
    who = (user, texts["tier"], texts["key"], texts["ends"]) if user else ()
    return Change(
        texts["connection"],
        ChangeKind(texts["kind"]),
        tuple(texts["pairs"].split()),
        tuple(texts["overtaken"].split()),
        int(texts["at"]),
        StreamCursor.parse(texts["since"]) if texts["since"] else None,
        texts["snapshot"] == "1",
        _subscriber(who),
        int(texts["opened"]),
    )


def _subscriber(who: Sequence[Any]) -> Subscriber | None:
    """Read a user, a tier, the id of a key and the end of a token (0: none)."""
    if not who:
        return None
    user, tier, key_id, ends_ms = who
    return Subscriber(_text(user), Tier(int(tier)), _text(key_id), int(ends_ms) or None)


def _texts(words: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(word.decode() for word in words)


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
