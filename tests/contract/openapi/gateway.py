"""The service in one process as a WSGI application: what API Gateway does between a client and the functions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.world import World

type StartResponse = Callable[[str, list[tuple[str, str]]], object]


@dataclass(frozen=True, slots=True)
class Gateway:
    """The application in front of a world."""

    world: World

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else None
        path, query = environ["REQUEST_URI"].partition("?")[0], environ["QUERY_STRING"]
        url = f"{path}?{query}" if query else path
        self.world.later(0.1)  # what a client may send all day long
        answer = self.world.send(environ["REQUEST_METHOD"], url, body=body, headers=headers)
        start(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.headers.items()))
        return [answer.text.encode()]
