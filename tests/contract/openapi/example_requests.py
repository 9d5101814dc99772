"""Send the requests of the OpenAPI document's examples to the service on the simulated market."""

import json

from dekr.access.principal import Role
from dekr.cache import keys
from dekr.store import plain
from local.openapi.examples import Example
from tests.markets import Market
from tests.world import Answer

SHORTENED = ("GET /docs", "GET /openapi.json")
"""The routes whose examples are no whole answers."""


def send_example(market: Market, key: str, route: str, example: Example) -> Answer:
    """Return the answer to an example's request, as if none had been made before: none brings other tickers' data along."""
    body = None if example.body is None else json.dumps(example.body).encode()
    answer = market.world.send(route.partition(" ")[0], example.request, key, body=body)
    market.world.services.demand.all()
    store = market.world.store
    store.run(*(plain("UNLINK", name) for name in keys.demand(store.prefix, list(keys.DemandPart))))
    return answer


def admin_key(market: Market) -> str:
    """Return the key of an admin, who may use every route."""
    return market.world.key(role=Role.ADMIN)
