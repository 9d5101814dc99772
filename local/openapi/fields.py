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
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def kind(document: Json, schema: Json) -> str:
    """Return the type of a schema in words."""
    found = resolved(document, schema)
    if "enum" in found:
        return " or ".join(map(str, found["enum"]))
    if "const" in found:
        return str(found["const"])
    choices = found.get("anyOf") or found.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(kind(document, choice) for choice in choices))
    if found.get("type") == "array":
        return f"array of {kind(document, found.get('items', {}))}"
    return str(found.get("type", "any"))


def fields(document: Json, schema: Json, above: str = "") -> Iterator[Field]:
    """Yield every field of a schema, each followed by the fields inside it. ``above`` is the name of the enclosing field."""
    found = resolved(document, schema)
    for choice in [*found.get("anyOf", []), *found.get("oneOf", [])]:
        yield from fields(document, choice, above)
    if "items" in found:
        yield from fields(document, found["items"], f"{above}[]")
    if isinstance(found.get("additionalProperties"), dict):
        yield from fields(document, found["additionalProperties"], f"{above}.*" if above else "*")
    for name, inner in found.get("properties", {}).items():
        path = f"{above}.{name}" if above else name
        yield Field(path, kind(document, inner), _about(document, inner))
        yield from fields(document, inner, path)


def _about(document: Json, schema: Json) -> str:
    return str(resolved(document, schema).get("description", ""))
