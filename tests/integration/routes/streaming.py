"""Streams over HTTP as their tests use them: started, connected to, looked at, changed and ended."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from dekr.models.streams import StartedStream, Stream
from dekr.stream.ports import ChangeKind
from dekr.stream.registry import Registry
from dekr.stream.started.tickets import Redeemed
from tests.shapes import shaped
from tests.world import Answer, World

MANY = [f"A{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ" for c in "ABCDEFGHIJKL"]
CONNECTION = "Lkj3cd="


def start(world: World, key: str, body: Any = ("AAPL", "MSFT")) -> Any:
    return shaped(StartedStream, world.post("/stream/start", key, body))


def ticket_of(started: Any) -> str:
    query: str = urlsplit(started["url"]).query
    return parse_qs(query, strict_parsing=True)["ticket"][0]


def connect(world: World, started: Any, connection: str = CONNECTION) -> Redeemed:
    """Connect with the ticket, as the conversation does."""
    registry, at_ms = Registry(world.store), world.services.now_us() // 1000
    assert registry.open(connection, "203.0.113.7", at_ms)
    world.services.connections.open(connection)
    redeemed = world.services.tickets.redeem(ticket_of(started), connection)
    assert redeemed is not None
    registry.admit(connection, redeemed.subscriber, at_ms)
    registry.change(connection, ChangeKind.ADD, redeemed.pairs, at_ms, snapshot=redeemed.snapshot)
    registry.release(connection)
    return redeemed


def find(world: World, key: str, started: Any) -> Any:
    return shaped(Stream, world.get(f"/stream/{started['stream_id']}", key))


def change(world: World, key: str, started: Any, **body: Any) -> Answer:
    world.later(0.01)
    return world.post(f"/stream/{started['stream_id']}/symbols", key, body)


def end(world: World, key: str, started: Any) -> Answer:
    world.later(0.01)
    return world.send("DELETE", f"/stream/{started['stream_id']}", key)


def pairs_of(world: World, connection: str = CONNECTION) -> list[str]:
    listener = Registry(world.store).find(connection)
    return sorted(listener.pairs) if listener else []
