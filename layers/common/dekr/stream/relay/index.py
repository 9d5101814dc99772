"""Who listens to what: pairs to connections and back."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dekr.stream.delivery.outbox import Outbox
from dekr.stream.pairs import ALL, WITH_ALL, Channel

_WITH_ALL: Final = {f"{channel.value}.{ALL}": channel for channel in WITH_ALL}


@dataclass(slots=True, eq=False)
class Client:
    """A connection that listens. ``pairs``: in the order of their subscription. ``opened_ms``: when it connected; 0: not known.
    ``hinted``: whether it was told that its time ends soon. ``sent_s``: when a frame was last sent to it (monotonic).
    """

    outbox: Outbox
    opened_ms: int
    sent_s: float
    pairs: dict[str, None] = field(default_factory=dict)
    hinted: bool = False


class Index:
    """The connections that listen. ``clients``: by connection id."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self._by_pair: dict[str, dict[Client, None]] = {}

    @property
    def idle(self) -> bool:
        """Whether nobody listens to anything."""
        return not self._by_pair

    def subscribe(self, client: Client, pairs: Iterable[str]) -> list[str]:
        """Let the client listen to these pairs; returns those that had no listener."""
        first: list[str] = []
        for pair in pairs:
            client.pairs[pair] = None
            listeners = self._by_pair.setdefault(pair, {})
            if not listeners:
                first.append(pair)
            listeners[client] = None
        return first

    def unsubscribe(self, client: Client, pairs: Collection[str]) -> list[str]:
        """Let the client listen to these pairs no more; returns those that have no listener now."""
        lost: list[str] = []
        for pair in pairs:
            client.pairs.pop(pair, None)
            listeners = self._by_pair.get(pair)
            if listeners is not None and listeners.pop(client, pair) is None and not listeners:
                del self._by_pair[pair]
                lost.append(pair)
        return lost

    def forget(self, connection: str) -> list[str]:
        """Take out a connection; returns the pairs that have no listener now."""
        client = self.clients.pop(connection, None)
        return [] if client is None else self.unsubscribe(client, tuple(client.pairs))

    def recipients(self, pair: str) -> Sequence[Client]:
        """The clients that get each event of this pair. Whoever listens to all of its channel gets them from there alone."""
        listeners = self._by_pair.get(pair)
        if not listeners:
            return ()
        of_all = self._by_pair.get(all_of(pair))
        return [client for client in listeners if client not in of_all] if of_all else tuple(listeners)

    def of_all(self) -> Iterable[tuple[Channel, Sequence[Client]]]:
        """The channels that somebody listens to as a whole, each with those clients."""
        for pair, channel in _WITH_ALL.items():
            if listeners := self._by_pair.get(pair):
                yield channel, tuple(listeners)

    def listeners(self, pair: str) -> Sequence[Client]:
        """The clients that have subscribed to this very pair."""
        return tuple(self._by_pair.get(pair, ()))


def all_of(pair: str) -> str:
    """The pair that stands for all symbols of a pair's channel: ``A.*`` for ``A.AAPL``."""
    return f"{pair.partition('.')[0]}.{ALL}"


def matches(pair: str, wanted: Collection[str]) -> bool:
    """Whether events of ``pair`` are among what is wanted."""
    return pair in wanted or all_of(pair) in wanted
