"""The routes as the functions register them, and their merged OpenAPI description."""

import importlib.util
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from pydantic import BaseModel

ROOT: Final = Path(__file__).parents[2]
FUNCTIONS: Final = ROOT / "functions"


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    ``text``: what it does, mostly its docstring; ``filters``: the pydantic models whose fields are query parameters.
    """

    function: str
    method: str
    path: str
    text: str
    needs_key: bool
    filters: tuple[type[BaseModel], ...]

    @property
    def key(self) -> str:
        """The route as API Gateway writes it, such as ``GET /quote/{symbol}``."""
        return f"{self.method} {self.path}"


def read(title: str, version: str) -> tuple[list[Route], dict[str, Any]]:
    """Return every route of every function, and the resolvers' OpenAPI descriptions merged into one.

    Raises OpenAPIMergeError for a route that two functions register, and ValueError if they use one name for two
    different schemas.
    """
    merge = OpenAPIMerge(title=title, version=version, on_conflict="error")
    routes: list[Route] = []
    schemas: dict[str, Any] = {}
    for module in _modules():
        edge = module.edge
        routes += _routes_of(module)
        described = edge.app.get_openapi_schema(title=title, version=version).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        merge.add_schema(described)
        for name, schema in described["components"]["schemas"].items():
            if schemas.setdefault(name, schema) != schema:
                raise ValueError(f"{name} is the name of two shapes; one of them is in functions/{module.__name__}")
    return routes, merge.get_openapi_schema()


def _modules() -> Iterator[ModuleType]:
    for path in sorted(FUNCTIONS.glob("*/app.py")):
        spec = importlib.util.spec_from_file_location(path.parent.name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        # Not every function answers HTTP requests.
        if hasattr(module, "edge"):
            yield module


def _routes_of(module: ModuleType) -> Iterator[Route]:
    app = module.edge.app
    for route in app._static_routes + app._dynamic_routes:  # noqa: SLF001 - the resolver has no public list of them
        kinds = [parameter.type_ for parameter in route.dependant.query_params]
        yield Route(
            function=module.__name__,
            method=route.method,
            path=route.openapi_path,
            text=route.description or inspect.getdoc(route.func) or "",
            needs_key=route.openapi_path not in module.edge.open_paths,
            filters=tuple(kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, BaseModel)),
        )
