"""Posts to connections are answered as the API Gateway Management API answers them."""

from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from websockets.exceptions import ConnectionClosed

from tests.contract.socket_door.conftest import NOON_S, Open
from tests.patience import HANG_S

KB = 1024
NEVER = "AAAAAAAAAAAAAAA="


@pytest.fixture
def sdk(door: Open) -> Iterator[Any]:
    """AWS's own client of this API."""
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=door.serving.endpoint,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    yield client
    client.close()


def test_a_client_gets_what_is_posted(door: Open, sdk: Any) -> None:
    with door.client() as (client, name):
        sdk.post_to_connection(ConnectionId=name, Data=b"[1]")
        assert client.recv(timeout=HANG_S) == "[1]"


def test_a_connection_that_is_gone_is_gone_for_the_sdk(door: Open, sdk: Any) -> None:
    with door.client() as (_, name):
        pass
    door.function.event("DISCONNECT")
    for unknown in (name, NEVER):
        with pytest.raises(sdk.exceptions.GoneException):
            sdk.post_to_connection(ConnectionId=unknown, Data=b"x")
        with pytest.raises(sdk.exceptions.GoneException):
            sdk.delete_connection(ConnectionId=unknown)


def test_a_payload_that_is_too_large_is_that_for_the_sdk(door: Open, sdk: Any) -> None:
    with door.client() as (_, name):
        assert door.post(name, "x" * (128 * KB + 1)) == 413
        with pytest.raises(sdk.exceptions.PayloadTooLargeException):
            sdk.post_to_connection(ConnectionId=name, Data=b"x" * 128 * KB + b"x")


def test_a_connection_is_described(door: Open, sdk: Any) -> None:
    with door.client() as (_, name):
        door.clock.now_s += 60
        door.post(name, "x")
        found = sdk.get_connection(ConnectionId=name)

    assert found["Identity"]["SourceIp"] == "127.0.0.1"
    assert (found["ConnectedAt"].timestamp(), found["LastActiveAt"].timestamp()) == (NOON_S, NOON_S + 60)


def test_a_deleted_connection_closes_with_1000(door: Open, sdk: Any) -> None:
    with door.client() as (client, name):
        sdk.delete_connection(ConnectionId=name)
        with pytest.raises(ConnectionClosed) as end:
            client.recv(timeout=HANG_S)
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 1000

    context = door.function.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1000
    assert door.post(name, "x") == 410


def test_a_connection_cannot_be_reached_during_connect(door: Open) -> None:
    early: list[int] = []

    def greet(event: dict[str, Any]) -> dict[str, int]:
        early.append(door.post(event["requestContext"]["connectionId"], "too early"))
        return {"statusCode": 200}

    door.function.on["CONNECT"] = greet
    with door.client() as (client, name):
        assert early == [410]
        assert door.post(name, "in time") == 200
        assert client.recv(timeout=HANG_S) == "in time"


def test_a_long_post_arrives_in_frames_of_32_kb(door: Open) -> None:
    with door.client() as (client, name):
        assert door.post(name, "x" * 100 * KB) == 200
        assert [len(part) for part in client.recv_streaming()] == [32 * KB, 32 * KB, 32 * KB, 4 * KB]


@pytest.mark.parametrize(
    "authorization", [None, "Bearer x", "AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/s3/aws4_request"]
)
def test_who_does_not_sign_is_forbidden(door: Open, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    with door.client() as (_, name):
        url = f"{door.serving.endpoint}/@connections/{name}"
        assert door.http.post(url, content=b"x", headers=headers).status_code == 403


@pytest.mark.parametrize("name", ["short=", "AAAAAAAAAAAAAAAA", "{a}"])
def test_what_is_no_id_is_a_bad_request(door: Open, name: str) -> None:
    assert door.post(name, "x") == 400


def test_a_client_that_does_not_read_fills_its_buffer(door: Open) -> None:
    with door.client() as (client, name), door.client() as (_, other):
        sent = 0
        while (status := door.post(name, "x" * 32 * KB)) == 200 and sent < 10_000:
            sent += 1
        assert status == 429
        assert door.post(other, "x") == 200
        for _ in range(sent):
            client.recv(timeout=HANG_S)
        assert door.post(name, "x") == 200


def test_requests_that_are_none_are_refused(door: Open) -> None:
    answer = httpx.post(door.serving.endpoint, content=iter([b"x"]), timeout=HANG_S, trust_env=False)
    assert answer.status_code == 400
