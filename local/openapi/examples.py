"""The examples of the document: for each route a request and what it was answered on the simulated market.

``python -m tests.contract.openapi.record`` fills the answers in; the tests ask the same again.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

FILE: Final = Path(__file__).with_name("examples.json")
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Example:
    """``request``: path and query. ``body``: what is posted. ``answer``: JSON, or the text of another media type."""

    request: str
    answer: Any = None
    body: Any = None

    def into(self, operation: dict[str, Any], path: str) -> None:
        """Put the request's parts and the answer into the description of its route.

        Raises ValueError where the request is none of the route's, or has a parameter that the route has not.
        """
        address, _, query = self.request.partition("?")
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path), address)
        if match is None:
            raise ValueError(f"{self.request} is no request of {path}")
        values = {name: unquote(value) for name, value in match.groupdict().items()} | dict(parse_qsl(query))
        for parameter in operation.get("parameters", []):
            if parameter["name"] in values:
                text = values.pop(parameter["name"])
                parameter["example"] = int(text) if parameter["schema"].get("type") == "integer" else text
        if values:
            raise ValueError(f"{path} has no parameter {', '.join(values)}")
        if "requestBody" in operation:
            operation["requestBody"]["content"][JSON]["example"] = self.body
        content = operation["responses"]["200"]["content"]
        content[next(iter(content))]["example"] = self.answer


def load() -> dict[str, Example]:
    """The examples by route."""
    return {route: Example(**parts) for route, parts in json.loads(FILE.read_text()).items()}


def save(examples: dict[str, Example]) -> None:
    """Write the examples."""
    parts = {
        route: {name: value for name in ("request", "body", "answer") if (value := getattr(example, name)) is not None}
        for route, example in examples.items()
    }
    FILE.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n")
