"""The conversation with the clients of the stream: everything that API Gateway reports of their connections.

A client gets status messages of the upstream's form and nothing else, whatever it sends. API Gateway's own error frames are
objects, which break clients that expect arrays, so no error leaves this module. Events themselves come from the relay.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dekr.errors import DekrError, InvalidInput, Unauthenticated
from dekr.passed_over import PassedOver
from dekr.stream.conversation.arrival import Arrival, Entrance
from dekr.stream.conversation.client import Client, Connections
from dekr.stream.conversation.messages import Action, Message, Subscription, read_message, read_subscription
from dekr.stream.conversation.refusals import bad_pairs
from dekr.stream.conversation.sign_in import SignIn
from dekr.stream.conversation.turn import EventType, Outcome, Turn
from dekr.stream.ports import ChangeKind, State
from dekr.stream.registry import Changed, Registry
from dekr.stream.registry.scripts import HEARD_BURST, HEARD_INTERVAL_US
from dekr.stream.statuses import UNKNOWN, Status, status

AUTH_REQUIRED_AFTER_S: Final = 1.0
"""A sign-in and a subscription that are sent together may arrive in any order, so the client is reminded only after this time."""

FLOOD_TOLD_EVERY_S: Final = 1.0
MAX_FLOODS: Final = 1_000
"""A sandbox remembers whom it told of a flood, so that a flood of messages is not answered by one of posts; so many at most."""

SIGN_IN: Final = status(Status.AUTH_REQUIRED, "authenticate first; your subscriptions wait for that")
PONG: Final = status(Status.SUCCESS, "pong")
FLOODED: Final = status(
    Status.ERROR,
    f"too many messages: {HEARD_BURST} at once or {1_000_000 // HEARD_INTERVAL_US} a second are read, the others are not",
)
BROKEN: Final = status(Status.ERROR, "something went wrong on our side; it has been logged")

_SERVER_ERROR, _UNAVAILABLE = 500, 503


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Handles the events of connections."""

    registry: Registry
    connections: Connections
    arrival: Arrival
    sign_in: SignIn
    passed_over: PassedOver
    now_ms: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _floods: dict[str, float] = field(default_factory=dict)

    def handle(self, event: Mapping[str, Any]) -> Turn:
        """Handle one event of API Gateway, or of the function's own. Whatever fails is in the turn that is returned.

        Raises KeyError and ValueError for what is no such event.
        """
        turn, began_s = self._turn(event), self.monotonic()
        try:
            self._take(turn, event)
        except DekrError as error:
            turn.fail(error)
            self._apologise(turn, status(Status.ERROR, error.detail), _UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - the outermost edge: beyond it is API Gateway, which would tell the client itself
            turn.crash, turn.outcome = error, Outcome.FAILED
            self._apologise(turn, BROKEN, _SERVER_ERROR)
        self._bury(turn)
        turn.seconds = self.monotonic() - began_s
        return turn

    def _turn(self, event: Mapping[str, Any]) -> Turn:
        if "greet" in event:
            client = Client(event["greet"], self.connections, self.monotonic, self.sleep)
            return Turn(EventType.GREETING, client, "", self.now_ms())
        context = event["requestContext"]
        client = Client(context["connectionId"], self.connections, self.monotonic, self.sleep)
        address = context.get("identity", {}).get("sourceIp", "")
        return Turn(EventType(context["eventType"]), client, address, context["requestTimeEpoch"])

    def _take(self, turn: Turn, event: Mapping[str, Any]) -> None:
        match turn.event:
            case EventType.CONNECT:
                self.arrival.accept(turn, (event.get("queryStringParameters") or {}).get("ticket"))
            case EventType.GREETING:
                self.arrival.greet(turn, Entrance(event["entrance"]))
            case EventType.DISCONNECT:
                self.registry.close(turn.connection, turn.at_ms)
            case EventType.MESSAGE:
                self._hear(turn, event)

    def _hear(self, turn: Turn, event: Mapping[str, Any]) -> None:
        heard = self.registry.hear(turn.connection)
        turn.subscriber = heard.subscriber
        if heard.state is State.GONE:
            self._forget(turn)
        elif heard.flooding:
            turn.outcome = Outcome.FLOODING
            self._tell_of_flood(turn)
        else:
            message = read_message(event.get("body"), is_base64=bool(event.get("isBase64Encoded")))
            turn.action = message.action
            if heard.state is State.NEW and message.action is Action.AUTH:
                # A client that signs in at once can be faster than the invocation that greets it.
                self.arrival.greet_first(turn)
            self._answer(turn, message)

    def _answer(self, turn: Turn, message: Message) -> None:
        match message.action:
            case Action.PING:
                turn.client.tell(PONG)
            case Action.AUTH:
                self._authenticate(turn, message)
            case Action.SUBSCRIBE | Action.RESUME | Action.UNSUBSCRIBE:
                self._change(turn, message)

    def _authenticate(self, turn: Turn, message: Message) -> None:
        try:
            credential = message.params
        except InvalidInput:
            self.sign_in.fail(turn, Unauthenticated("params: must be an API key or a token.", code="missing_api_key"))
            return
        self.sign_in.by_credential(turn, credential)

    def _change(self, turn: Turn, message: Message) -> None:
        wanted = read_subscription(message)
        if wanted.bad:
            turn.refuse()
            turn.client.tell(*bad_pairs(wanted.bad))
        if not wanted.pairs:
            return
        kind = ChangeKind.REMOVE if message.action is Action.UNSUBSCRIBE else ChangeKind.ADD
        changed = self.registry.change(
            turn.connection, kind, wanted.pairs, turn.at_ms, since=wanted.since, snapshot=wanted.snapshot
        )
        if changed.state is State.GONE:
            self._forget(turn)
            return
        self.sign_in.settle(turn, changed)
        if changed.state is not State.LISTENING:
            self._park(turn, wanted, changed)

    def _park(self, turn: Turn, wanted: Subscription, changed: Changed) -> None:
        turn.outcome = Outcome.PARKED
        is_first = changed.parked + len(changed.over) == len(wanted.pairs)
        if changed.state is not State.NEW or not is_first:
            return
        self.sleep(AUTH_REQUIRED_AFTER_S)
        if self.registry.look_up(turn.connection).state is State.NEW:
            turn.client.tell(SIGN_IN)

    def _tell_of_flood(self, turn: Turn) -> None:
        now_s = self.monotonic()
        if now_s - self._floods.get(turn.connection, -FLOOD_TOLD_EVERY_S) < FLOOD_TOLD_EVERY_S:
            return
        if len(self._floods) >= MAX_FLOODS:
            self._floods.clear()
        self._floods[turn.connection] = now_s
        turn.client.tell(FLOODED)

    def _forget(self, turn: Turn) -> None:
        turn.outcome = Outcome.UNKNOWN
        turn.client.dismiss(UNKNOWN)

    def _apologise(self, turn: Turn, item: dict[str, Any], refusal: int) -> None:
        """Tell the client that it went wrong: by a status, or where it is not connected yet by refusing the connection."""
        match turn.event:
            case EventType.CONNECT:
                turn.status = refusal
            case EventType.MESSAGE:
                turn.client.tell(item)
            case EventType.GREETING:
                # A client that waits for its greeting would wait for ever.
                turn.client.greet(item)
                turn.client.close()
            case EventType.DISCONNECT:
                pass

    def _bury(self, turn: Turn) -> None:
        """Take a connection out of the registry that is gone, was closed, or was not let in."""
        if not (turn.client.gone or turn.client.closed or turn.status >= _SERVER_ERROR):
            return
        try:
            self.registry.close(turn.connection, self.now_ms())
        except DekrError as error:
            self.passed_over.note(error)
