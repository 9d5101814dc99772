"""Asks the requests of the examples on the simulated market."""

import json

from dekr.access.principal import Role
from local.openapi.examples import Example
from tests.markets import Market
from tests.world import Answer

SHORTENED = ("GET /docs", "GET /openapi.json")
"""Their examples are no whole answers."""


def ask(market: Market, key: str, route: str, example: Example) -> Answer:
    """What an example's request is answered."""
    body = None if example.body is None else json.dumps(example.body).encode()
    return market.world.send(route.partition(" ")[0], example.request, key, body=body)


def admin_key(market: Market) -> str:
    """A key that may ask everything."""
    return market.world.key(role=Role.ADMIN)
