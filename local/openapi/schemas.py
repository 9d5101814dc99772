"""Clean up the resolver's JSON Schemas: remove titles that repeat names, and use the bounds that JSON Schema defines."""

from typing import Any, Final

from pydantic import BaseModel

_BOUNDS: Final = {"ge": "minimum", "le": "maximum"}
"""The resolver writes pydantic's names of bounds, which mean nothing in JSON Schema."""

_PARAMETER_FIELDS: Final = ("name", "in", "required", "description")

type Json = dict[str, Any]


def plain_schema(schema: Json) -> Json:
    """Return a schema without generated titles. A type of integer or number becomes number."""
    plain: Json = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: plain_schema(property_) for name, property_ in value.items()}
        elif key == "anyOf" and {"type": "integer"} in value and {"type": "number"} in value:
            plain["type"] = "number"
        elif key == "description":
            plain[key] = " ".join(value.replace("``", "`").split())
        elif key != "title":
            plain[_BOUNDS.get(key, key)] = _plain(value)
    return plain


def plain_parameter(parameter: Json, filters: tuple[type[BaseModel], ...]) -> Json:
    """Return a parameter as it is sent, where nothing can be null.

    ``filters``: the models whose fields are query parameters; the resolver describes only the names of those.
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
    plain: Json = {name: parameter[name] for name in _PARAMETER_FIELDS if name in parameter}
    return {**plain, "schema": schema}


def _inline(value: Any, definitions: Json) -> Any:
    """Return a value with references replaced by the model's own definitions."""
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
