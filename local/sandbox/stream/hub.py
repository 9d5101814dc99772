"""All connections of a sandbox's stream, and the pace at which events go out to them.

An event goes out a second after it happened, on the sandbox's clock: the content of a second is known when the second is over, and
REST shows it from then on, too. Where the clock leaps forward by up to ``MAX_LEAP_S``, all events in between go out at once; after
a longer leap, or one back, the stream goes on from the new moment.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from local.sandbox import always_on
from local.sandbox.state import Sandbox
from local.sandbox.stream import always_on_events, conversation
from local.sandbox.stream.connection import Connection
from local.sandbox.stream.conversation import Message, status
from local.sandbox.stream.events import Event, TickerEvents
from local.sandbox.stream.faults import GARBAGE
from local.sandbox.stream.misnumber import Misnumbering
from local.sandbox.stream.replay import tape_us
from local.sandbox.trading_days import SECOND_US, newest_begun
from local.sandbox.universe import ranks, tickers

MAX_LEAP_S: Final = 120
"""The longest leap of the clock, in seconds, whose events are all sent."""

SIGN_IN_US: Final = 30 * SECOND_US
"""The longest time for which a connection may stay open without a key."""

GOODBYE_US: Final = 10 * SECOND_US
"""The longest time that a client may take to close a connection that the server closes."""

POLICY_VIOLATION: Final = 1008
GOING_AWAY: Final = 1001


class Hub:
    """The stream of one sandbox: ``connection`` makes each connection, and ``step`` sends what is due, each time it is called."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.control = sandbox.stream
        self._sandbox = sandbox
        self._connections: list[Connection] = []
        self._tickers: dict[str, TickerEvents] = {}
        self._second = 0
        self._due: list[Event] = []
        self._misnumbering = Misnumbering(self.control)

    def connection(self) -> Connection:
        """Return the protocol of a connection that was just made."""
        return Connection(self, self._sandbox.clock.now_us())

    # --- what connections tell ---
    def opened(self, connection: Connection) -> None:
        """Greet a client whose handshake is done."""
        self._connections.append(connection)
        self.control.connections.append(connection)
        connection.say(conversation.CONNECTED)

    def received(self, connection: Connection, text: str) -> None:
        """Answer a message of a client."""
        message = Message.parse(text)
        if message is None:
            connection.say(status("error", "invalid message"))
        elif message.action == "auth":
            self._sign_in(connection, message.params)
        elif message.action not in {"subscribe", "unsubscribe"}:
            connection.say(status("error", f"unknown action: {message.action[:40]}"))
        elif not connection.signed_in:
            connection.say(conversation.AUTH_REQUIRED)
        elif connection.newcomer:
            self._evict(connection)
        else:
            adding = message.action == "subscribe"
            answers = connection.subscriptions.change(message.params, self._sandbox.plan.channels, adding=adding)
            connection.say(*(list(answers) or [status("error", "nothing to subscribe to")]))

    def lost(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        if connection in self._connections:
            self._connections.remove(connection)
            self.control.connections.remove(connection)

    def close(self) -> None:
        """Cut all connections, as a server that ends does."""
        for connection in list(self._connections):
            connection.cut()

    # --- the pace ---
    def step(self) -> None:
        """Do what is due on the sandbox's clock: acts that were ordered, closings, and events."""
        while self.control.orders:
            self._act(*self.control.orders.popleft())
        now_us = self._sandbox.clock.now_us()
        for connection in list(self._connections):
            self._check(connection, now_us)
        self._advance(self._sandbox.plan.seen_us(now_us) - SECOND_US)

    def _advance(self, at_us: int) -> None:
        """Send all events up to a moment that were not sent yet."""
        second, offset_us = divmod(at_us, SECOND_US)
        if not self._second <= second <= self._second + MAX_LEAP_S:
            self._second, self._due = second, [event for event in self._made(second) if event.offset_us > offset_us]
        while self._second < second:
            self._send(self._due)
            self._second += 1
            self._due = self._made(self._second)
        ready = sum(event.offset_us <= offset_us for event in self._due)
        if ready:
            self._send(self._due[:ready])
            del self._due[:ready]

    def _made(self, second: int) -> list[Event]:
        """Return the events of a second that anybody wants, in order of time."""
        return sorted(self._events(second), key=attrgetter("offset_us"))

    def _events(self, second: int) -> Iterator[Event]:
        everywhere: set[str] = set()
        wanted: dict[str, set[str]] = {}
        for connection in self._connections:
            everywhere |= connection.subscriptions.channels
            for pair in connection.subscriptions.pairs:
                channel, _, symbol = pair.partition(".")
                wanted.setdefault(symbol, set()).add(channel)
        if not wanted and not everywhere:
            return
        at_us = tape_us(second * SECOND_US)
        day = newest_begun(at_us)
        listed = ranks()
        for symbol in dict.fromkeys((*tickers(), always_on.TICKER)) if everywhere else wanted:
            channels = everywhere | wanted.get(symbol, set())
            if symbol == always_on.TICKER:
                yield from always_on_events.of_second(second * SECOND_US, channels)
            elif symbol in listed:
                ticker = self._tickers.get(symbol)
                if ticker is None:
                    ticker = self._tickers[symbol] = TickerEvents(self._sandbox.seed, symbol)
                yield from ticker.of_second(day, at_us, channels)

    def _send(self, events: list[Event]) -> None:
        numbered = self._misnumbering.of(events)
        for connection in self._connections:
            wants = connection.subscriptions.wants
            texts = [event.text for event in numbered if wants(event.pair)]
            if texts:
                connection.send(texts)
                self.control.sent += len(texts)

    # --- what happens to connections ---
    def _sign_in(self, connection: Connection, key: str) -> None:
        plan, refusal = self._sandbox.plan, None
        if self.control.auth_refused or key != self._sandbox.key:
            self.control.auth_refused = max(0, self.control.auth_refused - 1)
            refusal = conversation.BAD_KEY
        elif not plan.channels:
            refusal = conversation.NO_STREAM
        if refusal is not None:
            connection.say(refusal)
            connection.hang_up()
            return
        others = [other for other in self._connections if other.signed_in and other is not connection]
        connection.signed_in = True
        connection.newcomer = bool(others) and self.control.refuse_newcomers
        connection.say(conversation.AUTHENTICATED)
        for other in others if not connection.newcomer else ():
            self._evict(other)

    def _check(self, connection: Connection, now_us: int) -> None:
        """Close a connection that reads too slowly or does not sign in, and cut off one that does not close."""
        if not self.control.stall:
            connection.release()
        if connection.ending_us is not None:
            if now_us >= connection.ending_us:
                connection.cut()
        elif connection.waiting_bytes > self.control.buffer_bytes:
            self._end(connection, conversation.SLOW, POLICY_VIOLATION)
        elif not connection.signed_in and now_us >= connection.opened_us + SIGN_IN_US:
            self._end(connection, conversation.AUTH_TIMEOUT, POLICY_VIOLATION)

    def _act(self, kind: str, text: str) -> None:
        for connection in list(self._connections):
            if kind == "cut":
                connection.cut()
            elif kind == "garbage":
                connection.garble(text or GARBAGE)
            elif kind == "evict":
                self._evict(connection)
            else:
                self._end(connection, conversation.FORCED, GOING_AWAY)

    def _evict(self, connection: Connection) -> None:
        self._end(connection, conversation.TOO_MANY, POLICY_VIOLATION)

    def _end(self, connection: Connection, last: conversation.Status, code: int) -> None:
        connection.say(last)
        connection.close(code, last["message"], self._sandbox.clock.now_us() + GOODBYE_US)
