"""The AsyncAPI document of the streams against the code and against itself."""

import json
from typing import Any, Final

import jsonschema_rs
import pytest

from dekr.stream.cursor import StreamCursor
from dekr.stream.pairs import Channel
from dekr.stream.statuses import (
    AUTHENTICATED,
    CONNECTED,
    Status,
    conflated,
    ends_soon,
    feed,
    gap,
    resumed,
    subscribed,
    unsubscribed,
)
from local.stack.folder import ROOT

DOCUMENT: Final[dict[str, Any]] = json.loads((ROOT / "docs/asyncapi.json").read_text())
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
MESSAGES: Final[dict[str, Any]] = DOCUMENT["components"]["messages"]


def valid(reference: str, value: object) -> bool:
    """Whether a value is as the schema behind this reference says."""
    return jsonschema_rs.is_valid({"$ref": reference, "components": DOCUMENT["components"]}, value)


def test_every_status_and_channel_is_in_it() -> None:
    assert set(SCHEMAS["status"]["properties"]["status"]["enum"]) == {word.value for word in Status}
    channels = {schema["properties"]["ev"]["const"] for schema in SCHEMAS.values() if "ev" in schema["properties"]}
    assert channels == {"status", *(channel.value for channel in Channel)}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_examples_are_as_the_schemas_say(name: str) -> None:
    reference = f"#/components/schemas/{name}"
    assert all(valid(reference, example) for example in SCHEMAS[name]["examples"])
    assert not valid(reference, {**SCHEMAS[name]["examples"][0], next(iter(SCHEMAS[name]["properties"])): "x"})


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_have_examples_that_are_valid(name: str) -> None:
    message = MESSAGES[name]
    for example in message["examples"]:
        assert jsonschema_rs.is_valid({**message["payload"], "components": DOCUMENT["components"]}, example["payload"])


@pytest.mark.parametrize(
    "item",
    [
        CONNECTED,
        AUTHENTICATED,
        subscribed("T.AAPL"),
        unsubscribed("T.AAPL"),
        resumed("T.AAPL"),
        gap(["T.AAPL", "Q.AAPL"], 1_795_889_000_000, 1_795_889_001_000),
        conflated(7),
        feed(up=False),
        ends_soon(1_795_889_000_000),
    ],
)
def test_what_is_sent_is_as_it_says(item: dict[str, Any]) -> None:
    position = {"_c": StreamCursor(1_795_889_000_000, 1_795_889_226_700).text}
    assert valid("#/components/schemas/status", item)
    assert set(item) <= set(SCHEMAS["status"]["properties"])
    assert valid("#/components/schemas/status", item | position)


def test_references_lead_somewhere() -> None:
    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    found = references(DOCUMENT)
    assert found
    for reference in found:
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
