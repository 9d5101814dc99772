"""Tells clients when the upstream stops and begins to send, and which events they miss because of it."""

from collections.abc import Iterable

from dekr.stream.delivery.batches import Batch, status_chunks
from dekr.stream.delivery.posts import Posts
from dekr.stream.relay.coverage import Coverage, Window
from dekr.stream.relay.index import Client, Index
from dekr.stream.relay.resumes import gap_chunks
from dekr.stream.statuses import feed

DOWN = status_chunks([feed(up=False)], ours=True)
UP = status_chunks([feed(up=True)], ours=True)


class Outages:
    """The outage of the upstream, and the pairs of each client that miss events by it. ``told``: clients know of it."""

    def __init__(self, index: Index, coverage: Coverage, posts: Posts) -> None:
        self.told = False
        self._index = index
        self._coverage = coverage
        self._posts = posts
        self._start = 0
        self._open: dict[Client, set[str]] = {}

    def begin(self, complete: int, clients: Iterable[Client]) -> None:
        """Begin with an outage: since the relay before ended, at its tick ``complete``, nobody received anything. All that the
        clients subscribe to counts, covered or not: it may have been acknowledged.
        """
        self._start = complete
        for client in clients:
            if complete and client.opened_ms <= complete and client.pairs:
                self._open[client] = set(client.pairs)

    def subscribed(self, client: Client, pairs: Iterable[str], at_ms: int) -> None:
        """Leave out pairs that a client subscribes to only now: its message came (``at_ms``) after the outage began."""
        if at_ms > self._start and (missing := self._open.get(client)):
            missing.difference_update(pairs)

    def add(self, client: Client, pairs: Iterable[str], last: int) -> None:
        """Name the outage for these pairs of a client, too, once it is over."""
        if not self._open:
            self._start = last
        self._open.setdefault(client, set()).update(pairs)

    def down(self, last: int, tick: int) -> None:
        """Say that the upstream has stopped to send, which it did after the tick ``last``."""
        self._coverage.feed_down(last)
        if not self._open:
            self._start = last
        for client in self._index.clients.values():
            self._open.setdefault(client, set()).update(client.pairs)
            if not self.told:
                self._posts.add(client.outbox, Batch(tick - 1, [*DOWN]), tick - 1)
        self.told = True

    def up(self, now_ms: int, tick: int) -> None:
        """Say that the upstream sends again, and what is missing."""
        window = Window(self._start, max(self._start, self._coverage.feed_up(now_ms)))
        for client in self._index.clients.values():
            chunks = [*UP] if self.told else []
            missing = [pair for pair in client.pairs if pair in self._open.get(client, ())]
            chunks += gap_chunks(dict.fromkeys(missing, window))
            if chunks:
                self._posts.add(client.outbox, Batch(tick - 1, chunks), tick - 1)
        self.told = False
        self._open.clear()
