"""Seeded runs in which everything happens: clients come, go, are slow and come back, relays are killed, the upstream is cut."""

from collections import deque
from collections.abc import Callable
from random import Random

import pytest

from dekr.stream.cursor import StreamCursor
from dekr.stream.ports import Delivered
from dekr.stream.relay.pace import Pace
from tests.fakes.relay_world import Kill, World, quote, trade
from tests.fakes.stream_reader import Reader

SYMBOLS = ("AAPL", "MSFT", "IBM")
PAIRS = tuple(f"{channel}.{symbol}" for channel in "TQ" for symbol in SYMBOLS)
CLIENTS = 4
STEPS = 80
LIVES = 4


class Stress:
    """Four clients, each with one connection after the other."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World()
        self.world.pace = Pace(ring_bytes=self.random.choice((2_000, 10_000_000)), linger_ms=3_000)
        self.readers = [Reader() for _ in range(CLIENTS)]
        self.connections = [f"{client}-0" for client in range(CLIENTS)]
        self.read = [0] * CLIENTS
        self.wanted: list[set[str]] = [set() for _ in range(CLIENTS)]
        self.sent = 0

    def step(self) -> None:
        for _ in range(self.random.randrange(4)):
            self.sent += 1
            make = self.random.choice((trade, quote))
            self.world.send(make(self.random.choice(SYMBOLS), self.sent), trade("AAPL", self.sent, size=900))
        act: Callable[[int], None] = self.random.choices(
            (self.nothing, self.subscribe, self.unsubscribe, self.come_back, self.trouble, self.cut),
            (12, 4, 2, 2, 3, 0.3),
        )[0]
        act(self.random.randrange(CLIENTS))

    def nothing(self, _client: int) -> None:
        pass

    def subscribe(self, client: int) -> None:
        pairs = set(self.random.sample(PAIRS, 2)) - self.wanted[client]
        if pairs and self.connections[client] not in self.world.memory.dropped:
            self.wanted[client] |= pairs
            self.world.memory.subscribe(self.connections[client], *sorted(pairs), snapshot=self.random.random() < 0.3)

    def unsubscribe(self, client: int) -> None:
        if self.wanted[client] and self.connections[client] in self.world.memory.listeners:
            pair = self.random.choice(sorted(self.wanted[client]))
            self.wanted[client].discard(pair)
            self.world.memory.unsubscribe(self.connections[client], pair)

    def come_back(self, client: int) -> None:
        """Leave, and come back with the cursor on another connection."""
        self.leave(client)
        reader = self.readers[client]
        # It goes on with what it was told it has, and did not want to end.
        reader.held = {pair: last for pair, last in reader.held.items() if pair in self.wanted[client]}
        self.wanted[client] = set(reader.held)
        number = int(self.connections[client].partition("-")[2]) + 1
        self.connections[client] = f"{client}-{number}"
        self.read[client] = 0
        if reader.held:
            self.world.memory.subscribe(
                self.connections[client],
                *sorted(reader.held),
                since=StreamCursor.parse(reader.cursor),
                opened_ms=self.world.ms,
            )

    def leave(self, client: int) -> None:
        connection = self.connections[client]
        self.look(client)
        if connection in self.world.held:
            self.world.let_go(connection)
        self.world.answers[connection] = deque([Delivered.GONE] * 100)
        self.world.memory.leave(connection)

    def trouble(self, client: int) -> None:
        connection = self.connections[client]
        if connection in self.world.held:
            self.world.let_go(connection)
        elif self.random.random() < 0.5:
            self.world.hold(connection)
        else:
            answers = (Delivered.UNKNOWN, Delivered.SLOW, Delivered.THROTTLED, Delivered.SENT)
            self.world.answers[connection] = deque(self.random.choices(answers, k=3))

    def cut(self, _client: int) -> None:
        self.world.down()
        self.world.feed.arrived.clear() if self.random.random() < 0.5 else None
        self.world.up()

    def look(self, client: int) -> None:
        frames = self.world.inbox(self.connections[client]).frames
        self.readers[client].read(frames[self.read[client] :])
        self.read[client] = len(frames)

    def live(self, epoch: int, kill_at: int) -> None:
        """One relay's life."""
        self.world.kill = Kill(kill_at)
        self.world.feed.arrived.clear()
        self.world.up()
        steps = [each for _ in range(STEPS) for each in (self.step, 1)]
        self.world.run(1, *steps, epoch=epoch)

    def end(self) -> None:
        """The last relay, without trouble, until everything is delivered."""
        for connection in tuple(self.world.held):
            self.world.let_go(connection)
        self.world.answers = {
            name: answers for name, answers in self.world.answers.items() if Delivered.GONE in answers
        }
        self.world.kill = Kill()
        self.world.feed.arrived.clear()
        self.world.us += 1_000_000
        everything = [make(symbol) for make in (trade, quote) for symbol in SYMBOLS]
        self.world.run(1, self.world.up, 3, lambda: self.world.send(*everything), 40, epoch=99)
        for client in range(CLIENTS):
            self.look(client)


@pytest.mark.parametrize("seed", range(40))
def test_every_client_gets_everything_once_and_in_order_or_is_told(seed: int) -> None:
    stress = Stress(seed)
    for life in range(1, LIVES):
        stress.live(life, stress.random.choice((0, stress.random.randrange(1, 300))))
    stress.end()
    for client, reader in enumerate(stress.readers):
        assert set(reader.held) == stress.wanted[client]
        assert reader.held == {pair: stress.world.memory.numbers[pair] for pair in reader.held}
