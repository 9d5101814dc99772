"""The resolver's JSON Schemas as a reader wants them: without the titles made of names, and with the bounds that JSON Schema
knows.
"""

from typing import Any, Final

from pydantic import BaseModel

_BOUNDS: Final = {"ge": "minimum", "le": "maximum"}
"""The resolver writes pydantic's words, which mean nothing in JSON Schema."""

_PARTS: Final = ("name", "in", "required", "description")

type Json = dict[str, Any]


def plain_schema(schema: Json) -> Json:
    """A schema without made-up titles; a number is a number, whole or not."""
    found: Json = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: plain_schema(property_) for name, property_ in value.items()}
        elif key == "anyOf" and {"type": "integer"} in value and {"type": "number"} in value:
            found["type"] = "number"
        elif key == "description":
            found[key] = " ".join(value.replace("``", "`").split())
        elif key != "title":
            found[_BOUNDS.get(key, key)] = _plain(value)
    return found


def plain_parameter(parameter: Json, filters: tuple[type[BaseModel], ...]) -> Json:
    """A parameter as the wire has it, where nothing is null. ``filters``: the models that some parameters are fields of, of
    which the resolver describes the names only.
    """
    schema = plain_schema(parameter["schema"])
    for model in filters:
        described = model.model_json_schema()
        if parameter["name"] in described["properties"]:
            schema = plain_schema(_inline(described["properties"][parameter["name"]], described.get("$defs", {})))
    schema.pop("description", None)
    if schema.get("default", "") is None:
        del schema["default"]
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if kinds:
        schema = {**kinds[0], **schema} if len(kinds) == 1 else {"anyOf": kinds, **schema}
    found: Json = {name: parameter[name] for name in _PARTS if name in parameter}
    return {**found, "schema": schema}


def _inline(value: Any, definitions: Json) -> Any:
    """A model's own definitions in the place of references to them."""
    if isinstance(value, list):
        return [_inline(item, definitions) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {key: _inline(item, definitions) for key, item in value.items() if key != "$ref"}
    if "$ref" not in value:
        return rest
    return {**_inline(definitions[value["$ref"].removeprefix("#/$defs/")], definitions), **rest}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return plain_schema(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value
