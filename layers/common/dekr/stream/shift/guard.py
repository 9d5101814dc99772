"""Finds connections that must not go on: those of revoked keys, of other tiers than they signed in with, and those that are due.

A connection outlives the look-up that let it in by hours, so the keys of all listeners are read again and again, by their ids: the
text of a key is kept nowhere. A token cannot be revoked; its connection ends when it does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dekr.access.directory import ACTIVE, KeyDirectory, KeyRecord
from dekr.stream.ports import Subscriber
from dekr.stream.registry import DueReason, Registry
from dekr.stream.statuses import Status, status
from dekr.tiers import Tier

DUE_AT_ONCE: Final = 500
"""So many connections are closed for each reason in one round."""

REVOKED: Final = status(Status.FORCE_DISCONNECT, "the API key of this connection is not valid any more")
TOO_MANY: Final = status(Status.MAX_CONNECTIONS, "the tier of this API key allows fewer connections now")

OF_REASON: Final = {
    DueReason.AUTH_TIMEOUT: status(Status.AUTH_TIMEOUT, "no API key or token was sent in time"),
    DueReason.EXPIRED: status(
        Status.FORCE_DISCONNECT, "a connection ends after two hours; connect again, and subscribe with since"
    ),
    DueReason.TOKEN_ENDED: status(Status.FORCE_DISCONNECT, "the token of this connection has expired"),
}
"""The last status of a connection, by the reason for which it has to be closed."""


@dataclass(frozen=True, slots=True)
class Expulsion:
    """A connection that has to go, and the status message that it gets first."""

    connection: str
    status: dict[str, Any]


@dataclass(slots=True, eq=False)
class Guard:
    """Finds connections that must not go on. Its methods block, and raise StoreDown and Unavailable. ``directory`` makes the
    directory of keys on first use. ``now_ms``: the present moment.
    """

    registry: Registry
    directory: Callable[[], KeyDirectory]
    now_ms: Callable[[], int]

    def due(self) -> list[Expulsion]:
        """Find the connections that did not sign in in time, whose token has ended, or that are too old."""
        found = self.registry.due(self.now_ms(), DUE_AT_ONCE)
        return [Expulsion(each.connection, OF_REASON[each.reason]) for each in found]

    def check(self) -> list[Expulsion]:
        """Read the keys of all connections. Find those of keys that are good no more; give those of another tier than before what
        it allows, and find the ones that it does not.
        """
        of_key: dict[tuple[str, str], dict[str, Subscriber]] = {}
        for connection, subscriber in self.registry.signed_in().items():
            if subscriber.key_id:
                of_key.setdefault((subscriber.key_id, subscriber.user), {})[connection] = subscriber
        records = self.directory().find_many({key_id for key_id, _ in of_key})
        expelled: list[Expulsion] = []
        for (key_id, user), connections in of_key.items():
            record = records.get(key_id)
            tier = self._tier(record, user) if record is not None and record.status == ACTIVE else None
            if tier is None:
                expelled += [Expulsion(connection, REVOKED) for connection in connections]
            else:
                expelled += self._demoted(tier, connections)
        return expelled

    def _tier(self, record: KeyRecord, user: str) -> Tier | None:
        """The tier of a user whose connection came with a good key: the key's, or the user's own where the key is that of another
        module, which started a stream for the user. None: the user has no good key any more.
        """
        return record.tier if record.user == user else self.directory().tier_of(user)

    def _demoted(self, tier: Tier, connections: Mapping[str, Subscriber]) -> list[Expulsion]:
        """Give the connections of one user and key this tier, where one has another."""
        other = [(connection, who) for connection, who in connections.items() if who.tier != tier]
        if not other:
            return []
        # The registry's ``demote`` is for all connections of the user that came with this key.
        connection, who = other[0]
        changed = self.registry.demote(connection, replace(who, tier=tier))
        return [Expulsion(each, TOO_MANY) for each in changed.evicted]
