"""Answers held against the documented shapes: exactly these fields, with exactly these types."""

from typing import Any

from pydantic import TypeAdapter

from tests.world import Answer


def shaped(model: Any, answer: Answer) -> Any:
    """Return the JSON of a good answer, which must have every field of a model and no other."""
    assert answer.status == 200, answer.text
    found = answer.json
    kind = TypeAdapter(model)
    assert kind.dump_python(kind.validate_json(answer.text, strict=True), mode="json") == found
    return found


def polygon_shaped(model: Any, answer: Answer) -> Any:
    """Return the JSON of a good answer in a model's shape, without fields that the upstream left out (Polygon's dialect)."""
    assert answer.status == 200, answer.text
    found = answer.json
    kind = TypeAdapter(model)
    assert kind.dump_python(kind.validate_json(answer.text, strict=True), mode="json", exclude_unset=True) == found
    return found
