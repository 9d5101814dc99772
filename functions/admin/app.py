"""GET /health, /docs, /openapi.json, /usage, /cache/stats, DELETE /admin/cache/{symbol}, /admin/denials, and the answer where there
is no route.
"""

import json
from pathlib import Path

from dekr.access.principal import Role
from dekr.http import Edge, Response
from dekr.http.edge.docs_page import documentation_routes
from dekr.http.edge.openapi import health_of, json_of
from dekr.http.edge.query import SymbolPath
from dekr.models.operations import CacheStats, Dropped, ForgottenDenials, Health, Usage
from dekr.symbols import Ticker

edge = Edge("admin", open_paths=frozenset({"/health", "/docs", "/openapi.json"}))


@edge.get("/health", responses=health_of(Health))
def health() -> Response[str]:
    """The state of the shared store, of the data provider's breaker and of the clock."""
    serves, state = edge.services.health.check()
    return edge.answer(state.model_dump_json(), status=200 if serves else 503)


documentation_routes(edge, Path(__file__).parent)


@edge.get("/usage", responses=json_of(Usage))
def usage() -> Response[str]:
    """The caller's use of today, by class, and what is left of the limits. It is free, and answered with the limits spent, too."""
    context = edge.read_context(None, "usage", cost=0, data=0)
    context.admission, used = edge.services.usage.of_caller(edge.principal, context.charge)
    return edge.answer(json.dumps(used))


@edge.get("/cache/stats", responses=json_of(CacheStats))
def cache_stats() -> Response[str]:
    """The store's own figures, the entries by class, and what the cache saved today. For admin keys."""
    edge.principal.require(Role.ADMIN)
    edge.check_parameters()
    return edge.answer(json.dumps(edge.services.usage.of_all(edge.now_ms * 1000)))


@edge.delete("/admin/cache/<symbol>", responses=json_of(Dropped))
def drop(symbol: SymbolPath) -> Response[str]:
    """Drop what is cached of a ticker. For admin keys."""
    edge.principal.require(Role.ADMIN)
    ticker = Ticker.parse(symbol)
    edge.check_parameters()
    return edge.answer(json.dumps({"symbol": ticker.text, "dropped": edge.services.usage.drop(ticker.text)}))


@edge.delete("/admin/denials", responses=json_of(ForgottenDenials))
def forget_denials() -> Response[str]:
    """Forget what the data plan is believed to lack, so that it is tried again at once. For admin keys."""
    edge.principal.require(Role.ADMIN)
    edge.check_parameters()
    return edge.answer(json.dumps({"families": edge.services.health.forget_denials()}))


handler = edge.handler
