"""The descriptions of a route's responses in the OpenAPI document.

Services hand out finished JSON, so that an answer is not validated a second time on its way out; the model of what it
holds is named here instead. The tests hold the two together.
"""

from typing import Any

from dekr.http.edge.problems import PolygonError
from dekr.models.common import Problem

_ERRORS = {
    401: "No key, or one that is not valid.",
    403: "The tier or role does not include this.",
    404: "There is no such ticker, or no such stream of the caller's.",
    422: "A part of the input breaks a rule; `field` names it.",
    429: "Too many requests; Retry-After says when to come back.",
    502: "The data provider sent an answer that cannot be used.",
    503: "Not available now; Retry-After says when to try again.",
    504: "It took too long.",
}

_TEXTS = {"application/json": "object", "text/html": "string"}


def json_of(model: Any, *, csv: bool = False) -> dict[int, Any]:  # noqa: ANN401 - any type that pydantic can describe
    """The responses of a route that answers with JSON of this model, in the form of the resolver's ``responses``. ``csv``: whether
    it answers with CSV, too.
    """
    content: dict[str, Any] = {"application/json": {"model": model}}
    if csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    return {200: {"description": "The answer.", "content": content}} | {
        status: {"description": text, "content": {"application/problem+json": {"model": Problem}}}
        for status, text in _ERRORS.items()
    }


def open_of(media_type: str) -> dict[int, Any]:
    """The responses of a route that needs no key and answers with a file of this media type."""
    return {200: {"description": "The answer.", "content": {media_type: {"schema": {"type": _TEXTS[media_type]}}}}}


def health_of(model: Any) -> dict[int, Any]:  # noqa: ANN401 - any type that pydantic can describe
    """The responses of the health route, which answers with this model under status 200 and 503."""
    content = {"application/json": {"model": model}}
    return {
        200: {"description": "It can answer.", "content": content},
        503: {"description": "It cannot answer now.", "content": content},
    }


def polygon_of(model: Any) -> dict[int, Any]:  # noqa: ANN401 - any type that pydantic can describe
    """The responses of a Polygon-compatible route that answers with JSON of this model."""
    errors = {400: "A part of the input breaks a rule; `error` says which."} | _ERRORS
    del errors[422]
    return {200: {"description": "The answer.", "content": {"application/json": {"model": model}}}} | {
        status: {"description": text, "content": {"application/json": {"model": PolygonError}}}
        for status, text in errors.items()
    }
