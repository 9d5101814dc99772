"""The arrival of a connection: its ``$connect``, and the greeting.

Nothing can be sent to a connection while its ``$connect`` is being answered, so the function has itself run once more to greet it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from dekr.errors import Unauthenticated
from dekr.stream.conversation.sign_in import TOO_MANY, SignIn
from dekr.stream.conversation.turn import Outcome, Turn
from dekr.stream.ports import ChangeKind, State
from dekr.stream.registry import Registry
from dekr.stream.started.tickets import Redeemed
from dekr.stream.statuses import CONNECTED, UNKNOWN

_TOO_MANY_REQUESTS: Final = 429


class Entrance(StrEnum):
    """The way in which a connection came in; the greeting follows from it."""

    PLAIN = "plain"
    TICKET = "ticket"
    """With a good ticket: it is signed in."""
    BAD_TICKET = "bad_ticket"
    SURPLUS = "surplus"
    """With a good ticket, but the user's connections were replaced too often."""


class Redeemer(Protocol):
    """Takes tickets (``dekr.stream.started.tickets.Tickets``)."""

    def redeem(self, ticket: str, connection: str) -> Redeemed | None:
        """Use a ticket for a connection. None for one that is not good. Raises StoreDown."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """Lets connections in. ``greet_later``: has the same function run with an event of its own; raises Unavailable."""

    registry: Registry
    sign_in: SignIn
    tickets: Redeemer
    greet_later: Callable[[Mapping[str, Any]], None]

    def accept(self, turn: Turn, ticket: str | None) -> None:
        """Enter a new connection, sign it in if it has a ticket, and have it greeted. Raises StoreDown, Unavailable."""
        if not self.registry.open(turn.connection, turn.address, turn.at_ms):
            turn.refuse()
            turn.status = _TOO_MANY_REQUESTS
            return
        entrance = Entrance.PLAIN if ticket is None else self._redeem(turn, ticket)
        self.greet_later({"greet": turn.connection, "entrance": entrance})

    def _redeem(self, turn: Turn, ticket: str) -> Entrance:
        """Admit a connection that came with a ticket. It is told so by its greeting."""
        redeemed = self.tickets.redeem(ticket, turn.connection)
        if redeemed is None:
            return Entrance.BAD_TICKET
        if self.sign_in.admit(turn, redeemed.subscriber).refused:
            return Entrance.SURPLUS
        self.registry.change(turn.connection, ChangeKind.ADD, redeemed.pairs, turn.at_ms, snapshot=redeemed.snapshot)
        return Entrance.TICKET

    def greet(self, turn: Turn, entrance: Entrance) -> None:
        """Greet a connection, once only, and if it came with a ticket, go on. Raises StoreDown."""
        for _ in turn.client.attempts():
            if not self.registry.greet(turn.connection):
                self._greet_again(turn)
                return
            turn.client.tell(CONNECTED)
            if turn.client.gone:
                # Meanwhile a client that signs in at once may be greeted by that.
                self.registry.put_off(turn.connection)
        if turn.client.gone:
            return
        match entrance:
            case Entrance.TICKET:
                turn.subscriber = self.registry.look_up(turn.connection).subscriber
                self.sign_in.finish(turn)
            case Entrance.BAD_TICKET:
                detail = "The ticket has expired or was used before, or is none of ours."
                self.sign_in.fail(turn, Unauthenticated(detail, code="invalid_ticket"))
            case Entrance.SURPLUS:
                turn.refuse()
                turn.client.dismiss(TOO_MANY)
            case Entrance.PLAIN:
                pass

    def greet_first(self, turn: Turn) -> None:
        """Greet a connection that was not greeted yet and came without a ticket. Raises StoreDown."""
        if self.registry.greet(turn.connection):
            turn.client.tell(CONNECTED)

    def _greet_again(self, turn: Turn) -> None:
        """Leave a connection alone that was greeted before, and close one that another took the place of before its greeting: its
        ``$connect`` was being answered then, so it could be told nothing.
        """
        turn.outcome = Outcome.REPEATED
        if self.registry.look_up(turn.connection).state is State.GONE:
            turn.outcome = Outcome.UNKNOWN
            turn.client.greet(UNKNOWN)
            turn.client.close()
