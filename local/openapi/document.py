"""The finished document: the routes' own descriptions, and what the edge does for each of them."""

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
SERVICE: Final = ("admin", "preferences")
"""The functions whose routes are about the service itself."""

OK: Final = "200"
NOT_CHANGED: Final = "304"
FIRST_ERROR: Final = 400

type Json = dict[str, Any]


def document(examples: dict[str, Example]) -> Json:
    """The OpenAPI document. Raises KeyError for a route without an example."""
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
        examples[route.key].into(finished, route.path)
        paths.setdefault(route.path, {})[route.method.lower()] = finished
    found = {
        "openapi": merged["openapi"],
        "info": {**merged["info"], "description": shared.INFO},
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in shared.SECURITY],
        "tags": [{"name": name, "description": text} for name, text in shared.TAGS.items()],
        "paths": paths,
        "components": components,
    }
    components["schemas"] = _used(found)
    components["responses"] = dict(sorted(components["responses"].items()))
    return found


def is_polygon(path: str) -> bool:
    """Whether a route is one of Polygon's."""
    return path.startswith(POLYGON_PATHS)


def _name(route: Route) -> str:
    """A name that no other route has: get_quote_symbol."""
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")


def _version() -> str:
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def _operation(route: Route, described: Json, errors: Json) -> Json:
    """The description of a route; what its errors have in common with others goes to ``errors``."""
    polygon = is_polygon(route.path)
    summary, _, rest = " ".join(route.text.replace("``", "`").split()).partition(". ")
    tag = "Polygon-compatible" if polygon else "Service" if route.function in SERVICE else "Market data"
    found: Json = {"tags": [tag], "summary": summary.removesuffix("."), "operationId": _name(route)}
    if rest:
        found["description"] = rest
    if not route.needs_key:
        found["security"] = []
    if "parameters" in described:
        found["parameters"] = [plain_parameter(parameter, route.filters) for parameter in described["parameters"]]
    if "requestBody" in described:
        found["requestBody"] = described["requestBody"]
    found["responses"] = dict(sorted(_responses(route, described["responses"], errors)))
    return found


def _responses(route: Route, described: Json, errors: Json) -> Iterator[tuple[str, Json]]:
    for status, response in {**described, **_of_body(route)}.items():
        if not _happens(route, status):
            continue
        if status == OK:
            yield (
                status,
                {"description": response["description"], "headers": _headers(_of_answer(route))}
                | {"content": _plain_content(response["content"])},
            )
        elif route.needs_key:
            yield status, _error(route, int(status), response, errors)
        else:
            yield status, {**response, "headers": _headers(shared.EVERY_ANSWER)}
    if route.needs_key and route.method == "GET":
        yield (
            NOT_CHANGED,
            {
                "description": "The answer is still the one whose ETag the caller sent in If-None-Match.",
                "headers": _headers(shared.DATA),
            },
        )


def _of_body(route: Route) -> Json:
    """What the edge answers to a body that it does not take."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    texts = shared.BODY_ERRORS.items() if route.method == "POST" else ()
    return {str(status): {"description": text, "content": content} for status, text in texts}


def _happens(route: Route, status: str) -> bool:
    """Whether a status is one of the route's: the resolver adds its own 422 to all."""
    if status == "404":
        return "{symbol}" in route.path
    if status == "422":
        return route.needs_key and not is_polygon(route.path)
    return True


def _of_answer(route: Route) -> tuple[str, ...]:
    if not route.needs_key:
        return ("Cache-Control", *shared.EVERY_ANSWER)
    return (*shared.DATA, "Link") if not is_polygon(route.path) else shared.DATA


def _headers(names: tuple[str, ...]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}


def _error(route: Route, status: int, response: Json, errors: Json) -> Json:
    """A reference to the error that all routes of the dialect share."""
    polygon = is_polygon(route.path)
    name = f"{'Polygon' if polygon else 'Problem'}{status}"
    content = {
        media: {**described, "example": shared.error_example(status, polygon=polygon)}
        for media, described in response["content"].items()
    }
    headers = _headers((*shared.EVERY_ANSWER, *shared.OF_ERRORS.get(status, ())))
    found = {"description": response["description"], "headers": headers, "content": content}
    if errors.setdefault(name, found) != found:
        raise ValueError(f"{route.key} describes {status} in another way than the routes before it")
    return {"$ref": f"#/components/responses/{name}"}


def _plain_content(content: Json) -> Json:
    return {media: {**described, "schema": plain_schema(described["schema"])} for media, described in content.items()}


def _used(found: Json) -> Json:
    """The schemas that the document refers to, in order of their names; the resolvers add some of their own."""
    schemas = found["components"]["schemas"]
    rest = {key: value for key, value in found["components"].items() if key != "schemas"}
    names: set[str] = set()
    new = set(_references([found["paths"], rest]))
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
