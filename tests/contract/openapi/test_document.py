"""The committed document and its page: they are what the routes say, whole, and true to themselves."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from local.openapi.__main__ import files
from local.openapi.document import TITLE
from local.openapi.examples import load
from local.openapi.fields import resolved
from local.openapi.page import operations
from local.openapi.routes import ROOT, read
from tests.routes import routes

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = [(f"{method} {path}", operation) for method, path, operation in operations(DOCUMENT)]


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}).is_valid(value)


def test_the_committed_files_are_what_the_routes_say() -> None:
    assert [str(path) for path, text in files().items() if path.read_text() != text] == [], "run make openapi"


def test_the_template_the_functions_and_the_document_have_the_same_routes() -> None:
    served = read(TITLE, "0")[0]
    assert {(route.path, route.function) for route in served} == {(route.path, route.function) for route in routes()}
    keys = sorted(route.key for route in served)
    assert sorted(key for key, _ in OPERATIONS) == keys
    assert sorted(load()) == keys


def test_every_route_of_the_template_takes_any_method() -> None:
    # An HTTP API hands HEAD to no route of GET; the function also knows best which methods an address has.
    assert {route.method for route in routes()} == {"ANY"}


def test_the_document_is_one_of_openapi_3_1() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["servers"] == [{"url": "/"}], "the host is the caller's"


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    found = set(references(DOCUMENT))
    assert all(resolved(DOCUMENT, {"$ref": reference}) for reference in found)
    components = DOCUMENT["components"]
    named = {f"#/components/{kind}/{name}" for kind in ("headers", "responses", "schemas") for name in components[kind]}
    assert named == found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize(("key", "operation"), OPERATIONS)
def test_every_route_is_described_with_valid_examples(key: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    for parameter in operation.get("parameters", []):
        assert parameter.get("description"), f"{key} says nothing of {parameter['name']}"
        if parameter["required"] or "example" in parameter:
            assert is_valid(parameter["example"], parameter["schema"]), parameter["name"]
    contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    contents += [resolved(DOCUMENT, response).get("content", {}) for response in operation["responses"].values()]
    examples = [media for content in contents for media in content.values() if "example" in media]
    assert all(is_valid(media["example"], media["schema"]) for media in examples)
    assert any("example" in media for media in operation["responses"]["200"]["content"].values())
