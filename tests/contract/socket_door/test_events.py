"""The events that a function gets are those of API Gateway, and what it returns reaches nobody."""

import json
import re
import threading
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from local.stack.sockets.limits import Limits
from tests.contract.socket_door.conftest import NOON_S, Open
from tests.patience import HANG_S

NOON_MS = int(NOON_S * 1000)


def test_the_event_of_a_handshake(door: Open) -> None:
    with connect(door.serving.url + "?ticket=a%2Bb&x=", user_agent_header="robot/1", ping_interval=None):
        event = door.function.event("CONNECT")

    context = event["requestContext"]
    host = door.serving.url.split("/")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}=", context["connectionId"])
    assert context | {"connectionId": "", "requestId": "", "extendedRequestId": ""} == {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "messageDirection": "IN",
        "stage": "stocks",
        "connectedAt": NOON_MS,
        "requestTimeEpoch": NOON_MS,
        "requestTime": "20/Nov/2026:12:00:00 +0000",
        "identity": {"userAgent": "robot/1", "sourceIp": "127.0.0.1"},
        "domainName": host,
        "apiId": "a1b2c3",
        "connectionId": "",
        "requestId": "",
        "extendedRequestId": "",
    }
    assert event["queryStringParameters"] == {"ticket": "a+b", "x": ""}
    assert event["multiValueQueryStringParameters"] == {"ticket": ["a+b"], "x": [""]}
    assert event["headers"]["Host"] == host
    assert event["multiValueHeaders"]["User-Agent"] == ["robot/1"]
    assert event["isBase64Encoded"] is False


def test_a_handshake_without_a_query_has_no_parameters(door: Open) -> None:
    with connect(door.serving.url):
        assert "queryStringParameters" not in door.function.event("CONNECT")


@pytest.mark.parametrize(
    ("body", "route"),
    [
        ('{"action":"auth","params":"k"}', "auth"),
        ('{"action":"subscribe"}', "subscribe"),
        ('{"action":"$disconnect"}', "$disconnect"),
        ('{"action":"$connect"}', "$connect"),
        ('{"action":"dance"}', "$default"),
        ('{"action":7}', "$default"),
        ('{"action":["auth"]}', "$default"),
        ('["auth"]', "$default"),
        ("7", "$default"),
        ("no JSON", "$default"),
        pytest.param("[" * 10_000, "$default", id="nested"),
        ("", "$default"),
    ],
)
def test_the_event_of_a_message_and_its_route(door: Open, body: str, route: str) -> None:
    with door.client() as (client, name):
        door.clock.now_s += 5
        client.send(body)
        event = door.function.event("MESSAGE")

    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == (route, "MESSAGE")
    assert (event["body"], event["isBase64Encoded"]) == (body, False)
    assert (context["connectionId"], context["connectedAt"]) == (name, NOON_MS)
    assert context["requestTimeEpoch"] == NOON_MS + 5_000
    assert context["messageId"]
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}


def test_the_event_of_the_end_says_how_the_client_closed(door: Open) -> None:
    with door.client() as (client, name):
        client.close(4001, "enough")

    context = door.function.event("DISCONNECT")["requestContext"]
    assert (context["routeKey"], context["connectionId"]) == ("$disconnect", name)
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (4001, "enough")


def test_a_client_that_is_cut_off_is_an_abnormal_end(door: Open) -> None:
    with door.client() as (client, name):
        door.serving.do(door.serving.door.connections[name].cut)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=HANG_S)

    assert door.function.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1006


def test_disconnects_can_be_lost(door: Open) -> None:
    door.faults.lose_disconnects = True
    with door.client() as (_, lost):
        pass
    while lost in door.serving.do(lambda: set(door.serving.door.connections)):
        pass
    door.faults.lose_disconnects = False
    with door.client() as (_, name):
        pass

    assert door.function.event("DISCONNECT")["requestContext"]["connectionId"] == name


def test_messages_of_a_connection_run_at_the_same_time(door: Open) -> None:
    together = threading.Barrier(2)

    def meet(_: dict[str, Any]) -> dict[str, int]:
        together.wait(HANG_S)
        return {"statusCode": 200}

    door.function.on["MESSAGE"] = meet
    with door.client() as (client, name):
        client.send("one")
        client.send("two")
        assert {door.function.event("MESSAGE")["body"] for _ in range(2)} == {"one", "two"}
        assert door.post(name, "met") == 200
        assert client.recv(timeout=HANG_S) == "met"


def test_what_a_function_returns_is_not_sent(door: Open) -> None:
    with door.client() as (client, name):
        client.send("hello")
        door.function.event("MESSAGE")
        door.post(name, "posted")
        assert client.recv(timeout=HANG_S) == "posted"


def failing(_: dict[str, Any]) -> Any:
    raise RuntimeError("broken")


def mute(_: dict[str, Any]) -> Any:
    return None


@pytest.mark.parametrize("broken", [failing, mute])
def test_a_function_that_fails_at_a_message_is_an_object_for_the_client(door: Open, broken: Any) -> None:
    door.function.on["MESSAGE"] = broken
    with door.client() as (client, name):
        client.send("hello")
        said = json.loads(client.recv(timeout=HANG_S))
        context = door.function.event("MESSAGE")["requestContext"]

    assert said == {"message": "Internal server error", "connectionId": name, "requestId": context["requestId"]}


def test_a_function_that_takes_too_long_is_an_object_for_the_client(opened: Any) -> None:
    door: Open = opened(Limits(integration_s=0.2))
    end = threading.Event()
    door.function.on["MESSAGE"] = lambda _: end.wait(HANG_S)
    with door.client() as (client, _):
        client.send("hello")
        assert json.loads(client.recv(timeout=HANG_S))["message"] == "Endpoint request timed out"
        end.set()


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"statusCode": 429}, 429), ({"statusCode": 401}, 401), ({"statusCode": 999}, 502), ({}, 502)],
)
def test_a_handshake_is_refused_as_the_function_says(door: Open, answer: dict[str, int], status: int) -> None:
    door.function.on["CONNECT"] = lambda _: answer
    with pytest.raises(InvalidStatus) as refused:
        connect(door.serving.url)

    assert refused.value.response.status_code == status
    assert not door.serving.door.connections
    assert door.function.event("CONNECT")
    assert door.function.nothing_more()


def test_a_function_that_fails_refuses_the_handshake(door: Open) -> None:
    door.function.on["CONNECT"] = failing
    with pytest.raises(InvalidStatus) as refused:
        connect(door.serving.url)

    assert refused.value.response.status_code == 502


def test_there_is_nothing_at_another_path(door: Open) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(door.serving.url + "/more")

    assert refused.value.response.status_code == 403
