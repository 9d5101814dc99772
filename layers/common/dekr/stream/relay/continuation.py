"""Goes on for connections that the relay before has served: each gets the logged events from where the checkpoint says it is."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from dekr.stream.delivery.batches import Batch, event_chunks, status_chunks
from dekr.stream.delivery.posts import Posts
from dekr.stream.ports import Begun, Change, ChangeKind, Replay
from dekr.stream.relay.coverage import Window
from dekr.stream.relay.index import Client, matches
from dekr.stream.relay.resumes import ReadReplay, event_bytes, gap_chunks, widened
from dekr.stream.statuses import subscribed

SKEW_MS: Final = 2_000
"""The gateway's clock, by which a connection was opened, and that of the ticks may differ by so much."""

LATE_MS: Final = 3_000
"""So long after the gateway received it, a change may come into the log."""


class Continuation:
    """The events that the clients of the relay before still lack. Their place in the outboxes is kept from the beginning, so that
    checkpoints say so; they are read once the first changes are known.
    """

    def __init__(self, begun: Begun, clients: Sequence[Client], posts: Posts) -> None:
        self._begun = begun
        self._clients = frozenset(client.outbox.connection for client in clients)
        self._at: dict[int, list[tuple[Client, Batch, Batch]]] = {}
        for client in clients:
            connection = client.outbox.connection
            position = begun.behind.get(connection, begun.position)
            # Whoever connected later has subscribed to what comes, and not to what was.
            before = client.opened_ms - SKEW_MS <= begun.tick
            if position < begun.tick and before and (client.pairs or connection in begun.behind):
                acks = Batch(position, alone=True, ready=False)
                events = Batch(begun.tick, replay=True, ready=False)
                posts.add(client.outbox, acks, position)
                posts.add(client.outbox, events, position)
                self._at.setdefault(position, []).append((client, acks, events))

    def unserved(self, changes: Sequence[Change]) -> list[Change]:
        """Leave out changes that are read again though the relay before has surely served them: its last checkpoint is later, and
        says that the connection has all.
        """
        clients, begun = self._clients, self._begun
        return [
            change
            for change in changes
            if change.kind is ChangeKind.GONE
            or change.connection not in clients
            or change.connection in begun.behind
            or not change.at_ms
            or change.at_ms + LATE_MS > begun.position
        ]

    async def read(self, changes: Sequence[Change], read: ReadReplay) -> None:
        """Fill the places. ``changes``: those that nobody may have acknowledged yet. Raises StoreDown."""
        added: dict[str, set[str]] = {}
        resumed: dict[str, dict[str, int]] = {}
        for change in changes:
            if change.kind is ChangeKind.ADD:
                since = change.since
                if since is not None and since.generation == self._begun.generation:
                    resumed.setdefault(change.connection, {}).update(dict.fromkeys(change.pairs, since.tick))
                else:
                    added.setdefault(change.connection, set()).update(change.pairs)
        for position, places in self._at.items():
            pairs = sorted({pair for client, _, _ in places for pair in client.pairs})
            replay = await read(pairs, position, self._begun.tick) if pairs else Replay((), position)
            for client, acks, events in places:
                connection = client.outbox.connection
                goes_on = resumed.get(connection, {})
                # What is resumed comes with the resume, in order, and the cursor stays where it was until then.
                cursor = min([position, *goes_on.values()])
                self._fill(
                    client, client.pairs.keys() - goes_on.keys(), acks, events, replay, added.get(connection, set())
                )
                if goes_on:
                    acks.tick = events.tick = cursor
        self._at.clear()

    def _fill(
        self,
        client: Client,
        pairs: AbstractSet[str],
        acks: Batch,
        events: Batch,
        replay: Replay,
        added: AbstractSet[str],
    ) -> None:
        position = acks.tick
        missed = [(event.pair, event_bytes(event)) for _, event in replay.events if matches(event.pair, pairs)]
        behind = client.outbox.connection in self._begun.behind
        # Acknowledgements that waited with the events are lost, so they are made again.
        told = pairs if behind else added & pairs if missed else ()
        acks.chunks = status_chunks([subscribed(pair) for pair in client.pairs if pair in told])
        windows = {
            pair: Window(position, since)
            for pair in (pairs if behind else ())
            if (since := self._begun.covered.get(pair, 0)) > position + 1
        }
        if replay.complete_from > position:
            windows = widened(pairs, windows, Window(position, replay.complete_from))
        events.chunks = [*event_chunks(missed), *gap_chunks(dict(sorted(windows.items())))]
        acks.ready = events.ready = True
