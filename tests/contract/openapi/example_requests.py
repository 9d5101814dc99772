"""Send the requests of the OpenAPI document's examples to the service on the simulated market."""

import json
from secrets import token_hex

from dekr.access.principal import Role
from dekr.cache import keys
from dekr.store import plain
from dekr.stream.pairs import Channel
from dekr.stream.ports import ChangeKind, Subscriber
from dekr.stream.started.records import StreamSpec, owner_of
from dekr.stream.started.wish import Wish
from dekr.tiers import Tier
from local.openapi.examples import Example
from tests.markets import Market
from tests.world import Answer

USER = "demo"
SHORTENED = ("GET /docs", "GET /openapi.json")
"""The routes whose examples are no whole answers."""


def send_example(market: Market, key: str, route: str, example: Example) -> Answer:
    """Return the answer to an example's request, as if none had been made before: none brings other tickers' data along."""
    if "{id}" in route:
        _begin_stream(market, example.request.split("/")[2], is_connected=route.startswith("GET"))
    body = None if example.body is None else json.dumps(example.body).encode()
    answer = market.world.send(route.partition(" ")[0], example.request, key, body=body)
    market.world.services.demand.all()
    store = market.world.store
    store.run(*(plain("UNLINK", name) for name in keys.demand(store.prefix, list(keys.DemandPart))))
    return answer


def _begin_stream(market: Market, stream_id: str, *, is_connected: bool) -> None:
    """Start a stream of the admin under a known id, and connect to it."""
    services, owner = market.world.services, owner_of(USER)
    wish = Wish((Channel.TRADES, Channel.MINUTES), ("AAPL", "MSFT"))
    streams, spec = services.streams, StreamSpec(Subscriber(USER, Tier(7), "key"), wish)
    streams.records.start(owner, stream_id, spec)
    if is_connected:
        connection, at_ms = f"{token_hex(6)}=", services.now_us() // 1000
        streams.registry.open(connection, "203.0.113.7", at_ms)
        streams.tickets.redeem(streams.tickets.issue(owner, stream_id), connection)
        streams.registry.admit(connection, spec.subscriber, at_ms)
        streams.registry.change(connection, ChangeKind.ADD, wish.pairs, at_ms)
        streams.registry.release(connection)


def admin_key(market: Market) -> str:
    """Return the key of an admin, who may use every route."""
    return market.world.key(user=USER, role=Role.ADMIN)
