"""The resolver on its own: the parameters that routes may take, and its errors."""

from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import BaseModel, Field

from dekr.errors import MethodNotAllowed
from dekr.http import Response
from dekr.http.edge.resolver import Resolver
from tests.world import Context


class Window(BaseModel):
    """Parameters of a query as one model."""

    size: int = Field(default=5, ge=1)


def gateway_event(path: str, query: str = "", method: str = "GET") -> dict[str, Any]:
    parameters = dict(pair.split("=") for pair in query.split("&")) if query else {}
    return {
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": parameters,
        "requestContext": {"stage": "$default", "http": {"method": method}},
    }


@pytest.fixture
def resolver() -> Resolver:
    """A resolver with a route for each way to take parameters."""
    resolver = Resolver(lambda _: None)
    resolver.exception_handler(RequestValidationError)(lambda error: Response(422, "text/plain", str(error.errors())))

    @resolver.get("/bars/<symbol>")
    def bars(
        symbol: Annotated[str, Path(max_length=4)], limit: Annotated[int, Query(le=9)], day: Annotated[int, Query()] = 7
    ) -> Response[str]:
        return Response(200, "text/plain", f"{symbol} {limit} {day}")

    @resolver.get("/window")
    def window(size: Annotated[Window, Query()]) -> Response[str]:
        return Response(200, "text/plain", f"{size.size}")

    @resolver.get("/head")
    def head(agent: Annotated[str, Header()]) -> Response[str]:
        return Response(200, "text/plain", agent)

    return resolver


@pytest.mark.parametrize(
    ("path", "query", "status", "body"),
    [
        ("/bars/A", "limit=3", 200, "A 3 7"),
        ("/bars/A", "limit=3&day=1", 200, "A 3 1"),
        ("/bars/A", "", 422, "('query', 'limit')"),
        ("/bars/A", "limit=10", 422, "('query', 'limit')"),
        ("/bars/ABCDE", "limit=10", 422, "('path', 'symbol')"),
        ("/window", "", 200, "5"),
        ("/window", "size=2", 200, "2"),
        ("/window", "size=0", 422, "('query', 'size', 'size')"),
    ],
)
def test_parameters_are_checked(resolver: Resolver, path: str, query: str, status: int, body: str) -> None:
    answer = resolver.resolve(gateway_event(path, query), Context())  # type: ignore[arg-type] # the part that is used
    assert answer["statusCode"] == status
    assert body in answer["body"]


def test_a_route_that_reads_headers_by_itself_is_none_of_ours(resolver: Resolver) -> None:
    with pytest.raises(AssertionError, match="/head takes what this resolver leaves out"):
        resolver.resolve(gateway_event("/head"), Context())  # type: ignore[arg-type] # the part that is used


def test_an_address_without_a_route_is_said_apart_from_a_method_that_it_does_not_have(resolver: Resolver) -> None:
    with pytest.raises(NotFoundError):
        resolver.resolve(gateway_event("/elsewhere"), Context())  # type: ignore[arg-type] # the part that is used
    with pytest.raises(MethodNotAllowed) as caught:
        resolver.resolve(gateway_event("/window", method="PATCH"), Context())  # type: ignore[arg-type] # the part that is used
    assert caught.value.allowed == ["GET", "HEAD", "OPTIONS"]


def test_a_request_is_admitted_before_its_parameters_are_looked_at() -> None:
    def refuse(route: Route) -> None:
        raise PermissionError(route.path)

    resolver = Resolver(refuse)
    resolver.get("/bars/<limit>")(lambda limit: Response(200, "text/plain", limit))
    with pytest.raises(PermissionError, match="/bars/<limit>"):
        resolver.resolve(gateway_event("/bars/A", "no=number"), Context())  # type: ignore[arg-type] # the part that is used
