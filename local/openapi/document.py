"""Assemble the OpenAPI document from the routes' own descriptions and from what the edge does for each of them."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from dekr.http.edge.problems import MEDIA_TYPE
from dekr.http.edge.request import POLYGON_PATHS
from local.openapi import shared
from local.openapi.examples import Example
from local.openapi.routes import ROOT, Route, read
from local.openapi.schemas import plain_parameter, plain_schema

TITLE: Final = "Dekr market data"
SERVICE_FUNCTIONS: Final = ("admin", "preferences")
"""The functions whose routes are about the service itself."""

OK: Final = "200"
NOT_CHANGED: Final = "304"

type Json = dict[str, Any]


def document(examples: dict[str, Example]) -> Json:
    """Return the OpenAPI document. Raises KeyError for a route without an example."""
    routes, merged = read(TITLE, _version())
    components: dict[str, Json] = {
        "schemas": {name: plain_schema(schema) for name, schema in merged["components"]["schemas"].items()},
        "responses": {},
        "headers": dict(sorted(shared.HEADERS.items())),
        "securitySchemes": shared.SECURITY,
    }
    paths: dict[str, Json] = {}
    for route in sorted(routes, key=lambda route: (is_polygon(route.path), route.path)):
        operation = merged["paths"][route.path][route.method.lower()]
        finished = _operation(route, operation, components["responses"])
        examples[route.key].add_to(finished, route.path)
        paths.setdefault(route.path, {})[route.method.lower()] = finished
    openapi = {
        "openapi": merged["openapi"],
        "info": {**merged["info"], "description": shared.INFO},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in shared.SECURITY],
        "tags": [{"name": name, "description": text} for name, text in shared.TAGS.items()],
        "paths": paths,
        "components": components,
    }
    components["schemas"] = _referenced_schemas(openapi)
    components["responses"] = dict(sorted(components["responses"].items()))
    return openapi


def is_polygon(path: str) -> bool:
    """Return whether a path belongs to a route of Polygon's dialect."""
    return path.startswith(POLYGON_PATHS)


def _name(route: Route) -> str:
    """Return an operation id that no other route has, such as get_quote_symbol."""
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")


def _version() -> str:
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def _operation(route: Route, described: Json, errors: Json) -> Json:
    """Return the description of a route. Error responses that several routes share are added to ``errors`` and referred
    to.
    """
    polygon = is_polygon(route.path)
    summary, _, rest = " ".join(route.text.replace("``", "`").split()).partition(". ")
    tag = "Polygon-compatible" if polygon else "Service" if route.function in SERVICE_FUNCTIONS else "Market data"
    operation: Json = {"tags": [tag], "summary": summary.removesuffix("."), "operationId": _name(route)}
    if rest:
        operation["description"] = rest
    if not route.needs_key:
        operation["security"] = []
    if "parameters" in described:
        operation["parameters"] = [plain_parameter(parameter, route.filters) for parameter in described["parameters"]]
    if "requestBody" in described:
        operation["requestBody"] = described["requestBody"]
    operation["responses"] = dict(sorted(_responses(route, described["responses"], errors)))
    return operation


def _responses(route: Route, described: Json, errors: Json) -> Iterator[tuple[str, Json]]:
    for status, response in {**described, **_body_errors(route)}.items():
        if not _can_answer(route, status):
            continue
        if status == OK:
            yield (
                status,
                {"description": response["description"], "headers": _headers(_success_headers(route))}
                | {"content": _plain_content(response["content"])},
            )
        elif route.needs_key:
            yield status, _error(route, int(status), response, errors)
        else:
            yield status, {**response, "headers": _headers(shared.COMMON_HEADERS)}
    if route.needs_key and route.method == "GET":
        yield (
            NOT_CHANGED,
            {
                "description": "The answer is still the one whose ETag the caller sent in If-None-Match.",
                "headers": _headers(shared.DATA_HEADERS),
            },
        )


def _body_errors(route: Route) -> Json:
    """Return the responses with which the edge refuses a request body."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    texts = shared.BODY_ERRORS.items() if route.method == "POST" else ()
    return {str(status): {"description": text, "content": content} for status, text in texts}


def _can_answer(route: Route, status: str) -> bool:
    """Return whether a route can answer with this status. The resolver adds its own 422 to every route."""
    if status == "404":
        return "{symbol}" in route.path or "{id}" in route.path
    if status == "422":
        return route.needs_key and not is_polygon(route.path)
    return True


def _success_headers(route: Route) -> tuple[str, ...]:
    if not route.needs_key:
        return ("Cache-Control", *shared.COMMON_HEADERS)
    return (*shared.DATA_HEADERS, "Link") if not is_polygon(route.path) else shared.DATA_HEADERS


def _headers(names: tuple[str, ...]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}


def _error(route: Route, status: int, response: Json, errors: Json) -> Json:
    """Return a reference to the error response that all routes of the dialect share.

    Raises ValueError if two routes describe the same status differently.
    """
    polygon = is_polygon(route.path)
    name = f"{'Polygon' if polygon else 'Problem'}{status}"
    content = {
        media: {**described, "example": shared.error_example(status, polygon=polygon)}
        for media, described in response["content"].items()
    }
    headers = _headers((*shared.COMMON_HEADERS, *shared.ERROR_HEADERS.get(status, ())))
    error = {"description": response["description"], "headers": headers, "content": content}
    if errors.setdefault(name, error) != error:
        raise ValueError(f"{route.key} describes {status} in another way than the routes before it")
    return {"$ref": f"#/components/responses/{name}"}


def _plain_content(content: Json) -> Json:
    return {media: {**described, "schema": plain_schema(described["schema"])} for media, described in content.items()}


def _referenced_schemas(openapi: Json) -> Json:
    """Return the schemas that the document refers to, in order of their names. The resolvers add some that nothing
    refers to.
    """
    schemas = openapi["components"]["schemas"]
    rest = {key: value for key, value in openapi["components"].items() if key != "schemas"}
    names: set[str] = set()
    new = set(_references([openapi["paths"], rest]))
    while new:
        names |= new
        new = set(_references([schemas[name] for name in new])) - names
    return {name: schemas[name] for name in sorted(names)}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        match = re.fullmatch(r"#/components/schemas/(.+)", str(value.get("$ref", "")))
        if match:
            yield match[1]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
