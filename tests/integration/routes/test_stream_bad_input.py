"""What breaks a rule of the routes of streams is refused by name, and keeps and changes nothing."""

import json
from typing import Any

import pytest

from tests.integration.routes.streaming import find, start
from tests.redis_servers import RedisServer
from tests.world import World


@pytest.fixture
def key(world: World) -> str:
    """The key of Ann, whose tier has 25 symbols."""
    return world.key(5, "ann")


BAD_STARTS: list[tuple[Any, str, str]] = [
    ([], "symbols", "must name 1 to 1000 symbols; there are 0"),
    ({"symbols": []}, "symbols", "must name 1 to 1000 symbols; there are 0"),
    (["AAPL"] * 1_001, "symbols", "must name 1 to 1000 symbols; there are 1001"),
    ({"symbols": None}, "symbols", "must be an array of ticker symbols"),
    ({"symbols": "AAPL"}, "symbols", "must be an array of ticker symbols"),
    (["AAPL", 5], "symbols", "must be an array of ticker symbols"),
    ([["AAPL"]], "symbols", "must be an array of ticker symbols"),
    (["A PL"], "symbols", '"A PL" must be the ticker of a US stock'),
    (["T.AAPL", "O:X"], "symbols", '"O:X" must be the ticker of a US stock'),
    (["A\nB" + "x" * 100], "symbols", '"A?B'),
    ({"symbols": ["AAPL"], "channels": []}, "channels", "must be an array of channels: T, Q, A, AM, LULD"),
    ({"symbols": ["AAPL"], "channels": "T"}, "channels", "must be an array of channels"),
    ({"symbols": ["AAPL"], "channels": ["t"]}, "channels", "must be an array of channels"),
    ({"symbols": ["AAPL"], "channels": ["T", None]}, "channels", "must be an array of channels"),
    ({"symbols": ["AAPL"], "channels": None}, "channels", "must be an array of channels"),
    ({"symbols": ["AAPL"], "snapshot": 1}, "snapshot", "must be true or false"),
    ({"symbols": ["AAPL"], "snapshot": "true"}, "snapshot", "must be true or false"),
    ({"symbols": ["AAPL"], "user": "bob"}, "user", "is not a field of this body"),
    ("AAPL", "body", "must be an array of ticker symbols, or an object"),
    (None, "body", "is required"),
    ([{"symbols": ["AAPL"]}], "symbols", "must be an array of ticker symbols"),
    (7, "body", "must be an array of ticker symbols, or an object"),
    (True, "body", "must be an array of ticker symbols, or an object"),
]
BAD_CHANGES: list[tuple[Any, str, str]] = [
    ({}, "body", 'must be an object {"add": [...], "remove": [...]}'),
    (["AAPL"], "body", "must be an object"),
    (None, "body", "is required"),
    ([{"add": ["AAPL"]}], "body", "must be an object"),
    ({"add": []}, "add", "must name 1 to 1000 symbols; there are 0"),
    ({"add": "AAPL"}, "add", "must be an array of ticker symbols"),
    ({"add": None}, "add", "must be an array of ticker symbols"),
    ({"add": ["A PL"]}, "add", '"A PL" must be the ticker of a US stock'),
    ({"remove": ["A PL"]}, "remove", '"A PL" must be the ticker of a US stock'),
    ({"remove": {"AAPL": 1}}, "remove", "must be an array of ticker symbols"),
    ({"add": ["AAPL"], "remove": ["MSFT", "AAPL"]}, "remove", "must not name AAPL, which add names"),
    ({"add": ["*"]}, "add", "must not be * for T"),
    ({"add": ["AAPL"], "channels": ["T"]}, "channels", "is not a field of this body"),
]


@pytest.mark.parametrize(("body", "field", "rule"), BAD_STARTS, ids=lambda value: json.dumps(value)[:50])
def test_a_start_that_breaks_a_rule_keeps_nothing(
    world: World, redis: RedisServer, key: str, body: Any, field: str, rule: str
) -> None:
    answer = world.post("/stream/start", key, body)
    assert (answer.status, answer.json["field"]) == (422, field), answer.text
    assert answer.json["detail"].startswith(f"{field}: {rule}"), answer.text
    assert answer.json["detail"].isprintable()
    assert len(answer.text) < 1_000
    with redis.client() as client:
        assert not list(client.scan_iter("*{stream}*"))


@pytest.mark.parametrize(("body", "field", "rule"), BAD_CHANGES, ids=lambda value: json.dumps(value)[:50])
def test_a_change_that_breaks_a_rule_changes_nothing(world: World, key: str, body: Any, field: str, rule: str) -> None:
    started = start(world, key)
    before = find(world, key, started)
    answer = world.post(f"/stream/{started['stream_id']}/symbols", key, body)
    assert (answer.status, answer.json["field"]) == (422, field), answer.text
    assert answer.json["detail"].startswith(f"{field}: {rule}"), answer.text
    assert find(world, key, started) == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b'["AAPL"', 400, "invalid_json"),
        (b"[NaN]", 400, "invalid_json"),
        (b'\xff["AAPL"]', 400, "invalid_json"),
        (b"[" * 20_000 + b"]" * 20_000, 400, "invalid_json"),
        (b" " * 1_000_000, 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_json(world: World, key: str, body: bytes, status: int, code: str) -> None:
    for path in ("/stream/start", f"/stream/{'0' * 24}/symbols"):
        answer = world.post(path, key, body)
        assert (answer.status, answer.json["code"]) == (status, code), answer.text


def test_parameters_and_methods_that_the_routes_do_not_have(world: World, key: str) -> None:
    started = start(world, key)
    path = f"/stream/{started['stream_id']}"
    for answer in (
        world.post("/stream/start?tier=1", key, ["AAPL"]),
        world.get(f"{path}?tier=1", key),
        world.send("DELETE", f"{path}?tier=1", key),
        world.post(f"{path}/symbols?tier=1", key, {"add": ["TSLA"]}),
    ):
        assert (answer.status, answer.json["field"]) == (422, "tier"), answer.text
    assert world.send("PUT", path, key).status == 405
    assert world.send("GET", "/stream/start", key).headers["Allow"] == "OPTIONS, POST"
    assert world.send("GET", f"{path}/symbols", key).status == 405
    assert find(world, key, started)["pairs"] == ["T.AAPL", "T.MSFT"]
    for answer in (world.post("/stream/start", None, ["AAPL"]), world.get(path)):
        assert answer.status == 401
