"""Streams on the local cloud: what a reader of the README does, and what it promises when things break."""

import json
import os
import secrets
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from dekr.access.directory import DynamoKeyDirectory
from dekr.access.principal import Role
from dekr.tiers import Tier
from local.keys import LOCAL, Target, issue
from local.stack.cloud import Cloud
from tests.e2e.stacks import LocalCloud, stack_in
from tests.patience import HANG_S


def conversation(cloud: LocalCloud, tier: int, *messages: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items that a client gets which signs in with the key of a tier and sends these messages."""
    with connect(cloud.said["ws"], proxy=None) as socket:
        socket.send(json.dumps({"action": "auth", "params": cloud.said["api_keys"][str(tier)]}))
        for message in messages:
            socket.send(json.dumps(message))
        while True:
            yield from json.loads(socket.recv(timeout=HANG_S))


def test_a_ticket_alone_makes_a_stream(cloud: LocalCloud) -> None:
    key = {"x-api-key": cloud.said["api_keys"]["6"]}
    made = cloud.http.post("/stream/start", json=["TEST"], headers=key).raise_for_status().json()
    assert made["status"] == "started"
    with connect(made["url"], proxy=None) as socket:
        items: list[dict[str, Any]] = []
        while not any(item["ev"] == "T" for item in items):
            items += json.loads(socket.recv(timeout=HANG_S))
    statuses = [item["status"] for item in items if item["ev"] == "status"]
    assert statuses[:3] == ["connected", "auth_success", "success"]
    cloud.http.delete(f"/stream/{made['stream_id']}", headers=key).raise_for_status()


def test_what_is_streamed_costs_no_call(cloud: LocalCloud) -> None:
    events = conversation(cloud, 7, {"action": "subscribe", "params": "T.TEST,Q.TEST"})
    assert next(item for item in events if item["ev"] == "T")
    answer = cloud.get("/trade/TEST", 7)
    while answer.headers.get("x-data-source") != "stream":
        next(events)
        answer = cloud.get("/trade/TEST", 7)
    assert answer.status_code == 200


def test_a_killed_relay_is_followed_by_another_without_unnamed_loss(cloud: LocalCloud) -> None:
    events = conversation(cloud, 7, {"action": "subscribe", "params": "T.TEST"})
    numbers = [next(item for item in events if "_n" in item)["_n"]]
    killed = [pid for pid in relays(cloud) if _kill(pid)]
    assert killed
    named: list[dict[str, Any]] = []
    for item in events:
        if item["ev"] == "status":
            named += [item] if item["status"] == "gap" else []
        elif item["_n"] > numbers[-1]:
            numbers.append(item["_n"])
            if named and len(numbers) > 10:
                break
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert "T.TEST" in named[0]["pairs"]
    assert named[0]["from"] < named[0]["to"]


def test_a_revoked_key_loses_its_connection(cloud: LocalCloud) -> None:
    directory = DynamoKeyDirectory(Cloud(cloud.said["aws"]).client("dynamodb"), cloud.said["outputs"]["KeysTable"])
    key = issue(Target(directory, LOCAL), f"leaked-{secrets.token_hex(4)}", Tier(5), Role.USER, datetime.now(UTC))
    with connect(cloud.said["ws"], proxy=None) as socket:
        socket.send(json.dumps({"action": "auth", "params": key.text}))
        socket.send(json.dumps({"action": "subscribe", "params": "T.TEST"}))
        while "T" not in {item["ev"] for item in json.loads(socket.recv(timeout=HANG_S))}:
            pass
        directory.revoke(key.id)
        statuses = [item for frame in socket for item in json.loads(frame) if item["ev"] == "status"]
    assert statuses[-1]["status"] == "force_disconnect"


def test_two_stacks_stream_side_by_side(cloud: LocalCloud, tmp_path: Path) -> None:
    with stack_in(tmp_path / "other") as other:
        for stack in (cloud, other):
            assert next(
                item
                for item in conversation(stack, 5, {"action": "subscribe", "params": "T.TEST"})
                if item["ev"] == "T"
            )


def relays(cloud: LocalCloud) -> list[int]:
    """The processes that run the relay's function in this stack, each by its number."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or belongs to somebody else
            continue
        names = [each for each in variables if each.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")]
        if any(b"stream-relay" in name for name in names) and f"STREAM_URL={cloud.said['ws']}".encode() in variables:
            found.append(int(folder.name))
    return found


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
