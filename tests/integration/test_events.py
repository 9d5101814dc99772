"""The recorded events: one for each route, as API Gateway sends it, and the answer that its function gives."""

import gzip
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from dekr.access.principal import Role
from dekr.store.link import Link
from tests.markets import Market, market
from tests.routes import Route, route_of, routes
from tests.world import Context, load

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted(file for file in (ROOT / "events").glob("*.json") if "routeKey" in json.loads(file.read_text()))
"""The events of HTTP requests; those of EventBridge are tried with their functions (test_preferences.py, test_warmer.py)."""

USER, ADMIN = "dk_local_replaced-by-the-tests", "dk_local_replaced-by-an-admin-key"
STREAM: Final = "6f1e0c9a52b34d7788a0c1d2"
"""The id of a stream in the events; the tests put that of a started one in its place."""

REST: Final = "$default"
"""The route that takes whatever no other takes; the admin function answers it."""

EVENTS: Final = [pytest.param(file, id=file.stem) for file in FILES]


def recorded_event(file: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(file.read_text())
    return event


def route(event: dict[str, Any]) -> Route | None:
    return next((each for each in routes() if each.key == event["routeKey"]), None)


@pytest.fixture
def live(link: Link) -> Iterator[Market]:
    with market(link) as found:
        yield found


def test_every_route_has_exactly_one_event_for_each_method() -> None:
    requests = Counter(
        (event["routeKey"], event["requestContext"]["http"]["method"]) for event in map(recorded_event, FILES)
    )
    assert set(requests.values()) == {1}
    assert {key for key, _ in requests} == {*(each.key for each in routes()), REST}


@pytest.mark.parametrize("file", EVENTS)
def test_an_event_agrees_with_itself_and_with_its_name(file: Path) -> None:
    event = recorded_event(file)
    context, http = event["requestContext"], event["requestContext"]["http"]
    found = route(event)
    assert event["version"] == "2.0"
    assert file.stem.partition("-")[0] == (found.function if found else "admin")
    assert route_of(http["method"], event["rawPath"]) == found
    assert (context["routeKey"], http["path"]) == (event["routeKey"], event["rawPath"])
    assert event.get("queryStringParameters", {}) == dict(parse_qsl(event["rawQueryString"]))
    assert "{" not in event["routeKey"] or event["routeKey"].format(**event["pathParameters"]).endswith(
        event["rawPath"]
    )
    assert http["userAgent"] == event["headers"]["user-agent"]
    assert event["headers"]["content-length"] == str(len(event.get("body", "")))


@pytest.mark.parametrize("file", EVENTS)
def test_the_function_answers_its_event_as_documented(live: Market, file: Path) -> None:
    keys = {USER: live.world.key(), ADMIN: live.world.key(role=Role.ADMIN)}
    text = file.read_text()
    if STREAM in text:
        started = live.world.post("/stream/start", keys[USER], ["AAPL"]).json
        text = text.replace(STREAM, started["stream_id"])
    for placeholder, key in keys.items():
        text = text.replace(placeholder, key)
    event = json.loads(text)
    found = route(event)
    module = load(found.function if found else "admin")
    module.edge._wire = lambda: live.world.services

    answer = module.handler(event, Context())

    method = event["requestContext"]["http"]["method"]
    assert (answer["statusCode"], media_type(answer)) in documented(found, method), answer["body"]
    assert len(body(answer)) > 2, "no more than an empty list or object"


def documented(found: Route | None, method: str) -> list[tuple[int, str]]:
    """The status and the media types of a route's good answer; of an address without a route, the 404."""
    if found is None:
        return [(404, "application/problem+json")]
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    return [(200, media) for media in paths[found.path][method.lower()]["responses"]["200"]["content"]]


def media_type(answer: dict[str, Any]) -> str:
    found: str = {name.lower(): value for name, value in answer["headers"].items()}["content-type"]
    return found.partition(";")[0]


def body(answer: dict[str, Any]) -> str:
    text: str = answer["body"]
    return gzip.decompress(b64decode(text)).decode() if answer["isBase64Encoded"] else text
