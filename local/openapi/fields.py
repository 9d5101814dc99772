"""List the fields of a JSON Schema as rows: name, type and meaning."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer.

    ``name``: its path from the root of the answer, such as ``articles[].sentiments[].symbol``; ``kind``: its type in
    words; ``about``: its description.
    """

    name: str
    kind: str
    about: str


def resolved(document: Json, schema: Json) -> Json:
    """Return a schema (or response) with its reference, if it has one, replaced by what it refers to."""
    if "$ref" not in schema:
        return schema
    target: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def kind(document: Json, schema: Json) -> str:
    """Return the type of a schema in words."""
    resolved_schema = resolved(document, schema)
    if "enum" in resolved_schema:
        return " or ".join(map(str, resolved_schema["enum"]))
    if "const" in resolved_schema:
        return str(resolved_schema["const"])
    choices = resolved_schema.get("anyOf") or resolved_schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(kind(document, choice) for choice in choices))
    if resolved_schema.get("type") == "array":
        return f"array of {kind(document, resolved_schema.get('items', {}))}"
    return str(resolved_schema.get("type", "any"))


def fields(document: Json, schema: Json, above: str = "") -> Iterator[Field]:
    """Yield every field of a schema, each followed by the fields inside it. ``above`` is the name of the enclosing field."""
    resolved_schema = resolved(document, schema)
    for choice in [*resolved_schema.get("anyOf", []), *resolved_schema.get("oneOf", [])]:
        yield from fields(document, choice, above)
    if "items" in resolved_schema:
        yield from fields(document, resolved_schema["items"], f"{above}[]")
    if isinstance(resolved_schema.get("additionalProperties"), dict):
        yield from fields(document, resolved_schema["additionalProperties"], f"{above}.*" if above else "*")
    for name, inner in resolved_schema.get("properties", {}).items():
        path = f"{above}.{name}" if above else name
        yield Field(path, kind(document, inner), _about(document, inner))
        yield from fields(document, inner, path)


def _about(document: Json, schema: Json) -> str:
    return str(resolved(document, schema).get("description", ""))
