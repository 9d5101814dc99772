"""The routes of the template: which function answers which method and path."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # no stubs, and this is the only user

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # see above
    """A loader of YAML that leaves out CloudFormation's tags."""


_Loader.add_multi_constructor("!", lambda *_: None)


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
        pattern = re.sub(r"\{\w+\}", "[^/]+", self.path)
        return self.method in ("ANY", method) and re.fullmatch(pattern, path, re.DOTALL) is not None


def template() -> Any:
    return yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - a SafeLoader


@cache
def routes() -> tuple[Route, ...]:
    """Return every route of the HTTP API but the catch-all route."""
    found: list[Route] = []
    for resource in template()["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        function = resource["Properties"]["CodeUri"].removeprefix("functions/")
        events = [event["Properties"] for event in resource["Properties"].get("Events", {}).values()]
        found += [Route(event["Method"].upper(), event["Path"], function) for event in events if "Path" in event]
    return tuple(found)


def route_of(method: str, path: str) -> Route | None:
    """Return the route that API Gateway chooses, the one with the fewest variables; None if only the catch-all matches."""
    found = [route for route in routes() if route.matches(method, path)]
    return min(found, key=lambda route: route.path.count("{"), default=None)
