"""GET /health: whether the service can answer. Open to all, and nothing secret in it."""

from dekr.http import Edge, Response
from dekr.http.documents import health_of
from dekr.models import Health

edge = Edge("admin", open_paths=frozenset({"/health"}))


@edge.get("/health", responses=health_of(Health))
def health() -> Response[str]:
    """The state of the shared store, of the data provider's breaker and of the clock."""
    serves, state = edge.services.health.look()
    return edge.answer(state.model_dump_json(), status=200 if serves else 503)


handler = edge.handler
