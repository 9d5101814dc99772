"""The sign-in of a connection: by a key or a token in a message, or by a ticket in the URL.

It has two steps in the registry, because the client must be told of it before the first acknowledgement: a connection is admitted,
the client is told in a frame of its own, and only then do the subscriptions that waited take effect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from dekr.access.principal import Principal
from dekr.errors import Unauthenticated
from dekr.stream.conversation.refusals import refused
from dekr.stream.conversation.turn import Outcome, Turn
from dekr.stream.ports import State, Subscriber
from dekr.stream.registry import Admitted, Changed, Registry
from dekr.stream.statuses import AUTHENTICATED, UNKNOWN, Status, status

EVICTED: Final = status(Status.MAX_CONNECTIONS, "another connection took the place of this one, which was your oldest")
TOO_MANY: Final = status(
    Status.MAX_CONNECTIONS, "your connections were replaced too often within a minute; this one is refused"
)
OTHER_USER: Final = status(Status.ERROR, "this connection is signed in as another user; open one of its own")


class Resolver(Protocol):
    """Finds principals (``dekr.access.principals.Principals``)."""

    def resolve(self, credential: str, address: str) -> Principal:
        """Find the principal of a key or a token. Raises Unauthenticated, RateLimited, Unavailable."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SignIn:
    """Signs connections in. ``wake`` has a relay started; it never raises."""

    registry: Registry
    principals: Resolver
    wake: Callable[[], None]

    def by_credential(self, turn: Turn, credential: str) -> None:
        """Sign a connection in with a key or a token, and tell its client how it went."""
        try:
            principal = self.principals.resolve(credential, turn.address)
        except Unauthenticated as error:
            self.fail(turn, error)
            return
        admitted = self.admit(turn, Subscriber.of(principal))
        if admitted.state is State.GONE:
            turn.outcome = Outcome.UNKNOWN
            turn.client.dismiss(UNKNOWN)
        elif admitted.other:
            turn.refuse()
            turn.client.tell(OTHER_USER)
        elif admitted.refused:
            turn.refuse()
            turn.client.dismiss(TOO_MANY)
        else:
            self.finish(turn)

    def admit(self, turn: Turn, subscriber: Subscriber) -> Admitted:
        """Admit a connection; the sockets that have to go for it are told so and closed. Its own client is told nothing yet."""
        admitted = self.registry.admit(turn.connection, subscriber, turn.at_ms)
        if not admitted.other:
            turn.subscriber = subscriber
        for connection in admitted.evicted:
            turn.client.other(connection).dismiss(EVICTED)
        return admitted

    def finish(self, turn: Turn) -> None:
        """Tell the client of an admitted connection, and let its subscriptions take effect."""
        turn.client.tell(AUTHENTICATED)
        if not turn.client.gone:
            self.settle(turn, self.registry.release(turn.connection))

    def settle(self, turn: Turn, changed: Changed) -> None:
        """Tell a client which of its pairs are refused, and have a relay started where that is this caller's to do."""
        who = turn.subscriber if changed.state is State.LISTENING else None
        if told := refused(changed, who.tier if who else None):
            turn.refuse()
            turn.client.tell(*told)
        if changed.wake:
            self.wake()

    def fail(self, turn: Turn, error: Unauthenticated) -> None:
        """Tell a client that its credential is not good, and close its connection."""
        turn.refuse(error)
        turn.client.dismiss(status(Status.AUTH_FAILED, error.detail))
