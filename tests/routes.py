"""The routes of the template: which function answers which method and path."""

import re
from dataclasses import dataclass
from functools import cache

from tests.template import functions


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API. ``key`` is written as API Gateway writes it: ANY /quote/{symbol}."""

    method: str
    path: str
    function: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("ANY", method) and self._match(path) is not None

    def variables(self, path: str) -> dict[str, str]:
        """The variables in a path that matches."""
        match = self._match(path)
        return match.groupdict() if match else {}

    def _match(self, path: str) -> re.Match[str] | None:
        return re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path, re.DOTALL)


@cache
def routes() -> tuple[Route, ...]:
    """Return every route of the HTTP API but the catch-all route."""
    found: list[Route] = []
    for properties in functions().values():
        function = properties["CodeUri"].removeprefix("functions/")
        events = [event["Properties"] for event in properties.get("Events", {}).values()]
        found += [Route(event["Method"].upper(), event["Path"], function) for event in events if "Path" in event]
    return tuple(found)


def route_of(method: str, path: str) -> Route | None:
    """Return the route that API Gateway chooses, the one with the fewest variables; None if only the catch-all matches."""
    found = [route for route in routes() if route.matches(method, path)]
    return min(found, key=lambda route: route.path.count("{"), default=None)
