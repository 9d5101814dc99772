"""Applies changes of subscriptions: who listens to what from now on, acknowledgements, and what is sent first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dekr.stream.delivery.batches import Batch, status_chunks
from dekr.stream.delivery.outbox import BUFFER_BYTES, Outbox
from dekr.stream.delivery.posts import Posts
from dekr.stream.delivery.tasks import Tasks
from dekr.stream.ports import CHANGES_KEPT_MS, Change, ChangeKind, Feed, Listener
from dekr.stream.relay.coverage import Coverage
from dekr.stream.relay.index import Client, Index
from dekr.stream.relay.outages import DOWN, Outages
from dekr.stream.relay.resumes import Resumes, foreign_windows, gap_chunks, since_of
from dekr.stream.relay.rings import Rings
from dekr.stream.statuses import UNKNOWN, Status, status, subscribed, unsubscribed


class Subscriptions:
    """The subscriptions of all connections. ``tick`` is always the present tick: its events come after what is added here."""

    def __init__(
        self,
        feed: Feed,
        index: Index,
        coverage: Coverage,
        rings: Rings,
        posts: Posts,
        resumes: Resumes,
        outages: Outages,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._feed = feed
        self._index = index
        self._coverage = coverage
        self._rings = rings
        self._posts = posts
        self._resumes = resumes
        self._outages = outages
        self._buffer_bytes = buffer_bytes
        self._refused: dict[str, str] = {}
        self._gone: dict[str, int] = {}
        """Connections that are gone, and since when: what the log still says of them does not count."""

    def admit(self, listeners: Iterable[Listener], last: int, now_ms: int, now_s: float) -> list[Client]:
        """Take over the connections of the registry, which have all events up to ``last``."""
        clients = []
        for listener in listeners:
            client = self._client(listener.connection, listener.opened_ms, last, now_s)
            self._coverage.want(self._index.subscribe(client, sorted(listener.pairs)), now_ms)
            clients.append(client)
        self._feed.want(self._coverage.wanted)
        return clients

    def part_with(self, connections: Mapping[str, int], now_s: float) -> None:
        """Tell the connections that are not in the registry to connect again, and close them. Each has all up to its tick."""
        for connection, last in connections.items():
            if connection not in self._index.clients:
                self._posts.end(self._client(connection, 0, last, now_s).outbox, UNKNOWN)

    def linger(self, pairs: Iterable[str], now_ms: int) -> None:
        """Let pairs linger that the relay before has received, where nobody listens to them now."""
        unheard = [pair for pair in pairs if pair not in self._coverage.wanted]
        if self._coverage.want(unheard, now_ms):
            self._coverage.release(unheard, now_ms)
            self._feed.want(self._coverage.wanted)

    def apply(
        self, changes: Sequence[Change], generation: int, tick: int, *, now_ms: int, now_s: float, tasks: Tasks
    ) -> None:
        """Apply changes, in order, before the events of ``tick``."""
        told = False
        for change in changes:
            match change.kind:
                case ChangeKind.GONE:
                    self.forget(change.connection, now_ms)
                case _ if change.connection in self._gone:
                    pass
                case ChangeKind.ADD:
                    client = self._client(change.connection, change.opened_ms, tick - 1, now_s)
                    first = self._index.subscribe(client, change.pairs)
                    told |= self._coverage.want(first, now_ms)
                    self._welcome(client, change, generation, tick, now_ms=now_ms, tasks=tasks)
                case ChangeKind.REMOVE:
                    client = self._client(change.connection, change.opened_ms, tick - 1, now_s)
                    self._coverage.release(self._index.unsubscribe(client, change.pairs), now_ms)
                    acks = [unsubscribed(pair) for pair in (*change.pairs, *change.overtaken)]
                    self._tell(client, [*acks, *_what_holds(client, change)], tick - 1, tick)
        if told:
            self._feed.want(self._coverage.wanted)

    def outboxes(self, changes: Iterable[Change]) -> list[Outbox]:
        """The outboxes of those whose changes these are."""
        connections = dict.fromkeys(change.connection for change in changes)
        return [client.outbox for each in connections if (client := self._index.clients.get(each))]

    def forget(self, connection: str, now_ms: int) -> None:
        """Take out a connection that is gone."""
        self._gone[connection] = now_ms
        if client := self._index.clients.get(connection):
            client.outbox.gone = True
            self._coverage.release(self._index.forget(connection), now_ms)

    def refuse(self, pairs: Collection[str], message: str, tick: int) -> None:
        """Say that the upstream refuses pairs."""
        self._coverage.refuse(pairs, last=tick - 1)
        for pair in pairs:
            self._refused[pair] = message
            for client in self._index.listeners(pair):
                self._tell(client, [_refusal(pair, message)], tick - 1, tick)

    def forgive(self) -> None:
        """Forget refusals: the upstream is subscribed to anew, and refuses anew what it does."""
        self._refused.clear()

    def expire(self, last: int, now_ms: int) -> None:
        """Forget pairs that have lingered, and connections of which the change log does not speak any more."""
        ended = self._coverage.expire(last, now_ms)
        for pair in ended:
            self._rings.drop(pair, last, self._coverage.wanted)
            self._refused.pop(pair, None)
        if ended:
            self._feed.want(self._coverage.wanted)
        for connection in [each for each, since_ms in self._gone.items() if now_ms - since_ms > CHANGES_KEPT_MS]:
            del self._gone[connection]

    def _client(self, connection: str, opened_ms: int, last: int, now_s: float) -> Client:
        client = self._index.clients.get(connection)
        if client is None:
            client = Client(Outbox(connection, last, self._buffer_bytes), opened_ms, now_s)
            self._index.clients[connection] = client
        return client

    def _welcome(
        self, client: Client, change: Change, generation: int, tick: int, *, now_ms: int, tasks: Tasks
    ) -> None:
        """Acknowledge a subscription, and send what comes before its first event."""
        pairs, last = change.pairs, tick - 1
        since = since_of(change.since, generation, last) if change.since and pairs else None
        acks = [
            _refusal(pair, self._refused[pair]) if pair in self._refused else subscribed(pair)
            for pair in (*pairs, *change.overtaken)
        ]
        self._tell(client, [*acks, *_what_holds(client, change)], last if since is None else since, tick)
        if self._outages.told:
            self._posts.add(client.outbox, Batch(last, [*DOWN]), last)
        if not change.since:
            self._outages.subscribed(client, pairs, change.at_ms)
        elif not self._coverage.up:
            self._outages.add(client, pairs, last)
        if since is not None:
            resumed = self._resumes.resume(client.outbox, pairs, since, until=last, now_ms=now_ms, tasks=tasks)
            self._posts.add(client.outbox, resumed, last)
            return
        if change.snapshot:
            snapshot = self._resumes.snapshot(client.outbox, pairs, until=last, tasks=tasks)
            self._posts.add(client.outbox, snapshot, last)
        if change.since:
            chunks = gap_chunks(foreign_windows(pairs, change.since, now_ms))
            self._posts.add(client.outbox, Batch(last, chunks), last)

    def _tell(self, client: Client, items: Sequence[dict[str, Any]], cursor: int, tick: int) -> None:
        if items:
            self._posts.add(client.outbox, Batch(cursor, status_chunks(items), alone=True), tick - 1)


def _what_holds(client: Client, change: Change) -> list[dict[str, Any]]:
    """Say once more of pairs of which a later message was applied earlier what that one made of them: the last acknowledgement of a
    pair tells whether its events come.
    """
    if change.kind is ChangeKind.ADD:
        return [unsubscribed(pair) for pair in change.overtaken if pair not in client.pairs]
    return [subscribed(pair) for pair in change.overtaken if pair in client.pairs]


def _refusal(pair: str, message: str) -> dict[str, Any]:
    return status(Status.ERROR, f"{message}: {pair}")
