"""The examples of the document: for each route a request, and its answer as recorded on the simulated market.

``python -m tests.contract.openapi.record`` records the answers; the tests send the requests again and compare.
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
    """One example. ``request``: path and query; ``body``: the JSON that is posted; ``answer``: JSON, or text of another
    media type.
    """

    request: str
    answer: Any = None
    body: Any = None

    def add_to(self, operation: dict[str, Any], path: str) -> None:
        """Add the request's parameters, its body and the answer to the OpenAPI description of its route.

        Raises ValueError if the request does not match the route's path, or has a parameter that the route does not
        have.
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
    """Read the examples, by route."""
    return {route: Example(**parts) for route, parts in json.loads(FILE.read_text()).items()}


def save(examples: dict[str, Example]) -> None:
    """Write the examples."""
    parts = {
        route: {name: value for name in ("request", "body", "answer") if (value := getattr(example, name)) is not None}
        for route, example in examples.items()
    }
    FILE.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n")
