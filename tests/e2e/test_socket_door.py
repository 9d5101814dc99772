"""The deployed stream's socket: a client connects, is greeted, signs in and is acknowledged by the relay."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.account.smoke import smoke_stream
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S


def client_of(cloud: LocalCloud) -> ClientConnection:
    return connect(cloud.said["ws"], open_timeout=HANG_S, close_timeout=HANG_S, proxy=None)


def said(client: ClientConnection) -> list[dict[str, Any]]:
    """The next frame: status messages or events."""
    frame: list[dict[str, Any]] = json.loads(client.recv(timeout=HANG_S))
    return frame


def ask(client: ClientConnection, action: str, params: str) -> dict[str, Any]:
    """Send a message, and return the first item of the next frame."""
    client.send(json.dumps({"action": action, "params": params}))
    return said(client)[0]


def test_a_client_is_greeted_signs_in_and_is_acknowledged(cloud: LocalCloud) -> None:
    with client_of(cloud) as client:
        assert [item["status"] for item in said(client)] == ["connected"]
        assert ask(client, "auth", cloud.said["api_keys"]["7"])["status"] == "auth_success"
        assert ask(client, "ping", "")["message"] == "pong"
        acknowledged = ask(client, "subscribe", "T.AAPL")
        assert (acknowledged["status"], acknowledged["message"]) == ("success", "subscribed to: T.AAPL")


def test_it_passes_the_smoke_test_of_a_deployed_stack(cloud: LocalCloud) -> None:
    smoke_stream(cloud.said["ws"])


def test_a_wrong_key_is_told_and_the_connection_closed(cloud: LocalCloud) -> None:
    with client_of(cloud) as client:
        said(client)
        assert ask(client, "auth", "wrong")["status"] == "auth_failed"
        with pytest.raises(ConnectionClosed) as end:
            client.recv(timeout=HANG_S)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1000


def test_clients_connect_at_the_door_and_not_at_the_emulator(cloud: LocalCloud) -> None:
    assert cloud.said["ws"] == cloud.said["outputs"]["StreamUrl"]
    assert cloud.said["ws"].startswith("ws://127.0.0.1:")
    assert cloud.said["ws"].endswith("/stocks")
