"""Clients meet the limits of API Gateway."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.stack.sockets.limits import Limits
from tests.contract.socket_door.conftest import Open
from tests.patience import HANG_S

KB = 1024


def closed(client: ClientConnection, *said: Any) -> int:
    """The code with which the door closes the connection, which may happen while the client still says this."""

    def talk() -> None:
        for message in said:
            client.send(message)
        client.recv(timeout=HANG_S)

    with pytest.raises(ConnectionClosed) as end:
        talk()
    assert end.value.rcvd is not None
    return end.value.rcvd.code


def parts(size: int, count: int) -> Iterator[str]:
    yield from ("x" * size for _ in range(count))


def test_a_frame_has_32_kb(door: Open) -> None:
    with door.client() as (client, _):
        client.send("x" * 32 * KB)
        assert len(door.function.event("MESSAGE")["body"]) == 32 * KB
        assert closed(client, "x" * (32 * KB + 1)) == 1009

    assert door.function.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1009


def test_a_message_of_100_kb_in_four_frames_arrives_whole(door: Open) -> None:
    with door.client() as (client, _):
        client.send(parts(25 * KB, 4))
        assert door.function.event("MESSAGE")["body"] == "x" * 100 * KB


def test_a_message_has_128_kb(door: Open) -> None:
    with door.client() as (client, _):
        client.send(parts(32 * KB, 4))
        assert len(door.function.event("MESSAGE")["body"]) == 128 * KB
        assert closed(client, parts(32 * KB, 5)) == 1009


def test_a_binary_frame_ends_the_connection(door: Open) -> None:
    with door.client() as (client, _):
        client.send(b"{}")
        assert closed(client) == 1003

    assert door.function.event("DISCONNECT")


def test_text_that_is_none_ends_the_connection(door: Open) -> None:
    with door.client() as (client, _):
        client.send(b"\xff\xfe", text=True)
        assert closed(client) == 1007


def test_an_idle_connection_ends_after_ten_minutes_and_pings_do_not_count(door: Open) -> None:
    with door.client() as (client, _):
        door.clock.now_s += 599
        assert client.ping().wait(HANG_S)
        door.sweep()
        assert client.ping().wait(HANG_S)
        door.clock.now_s += 1
        door.sweep()
        assert closed(client) == 1001

    assert door.function.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1001


def said(door: Open, client: ClientConnection, name: str) -> None:
    del name
    client.send("{}")
    door.function.event("MESSAGE")


def told(door: Open, client: ClientConnection, name: str) -> None:
    door.post(name, "[]")
    client.recv(timeout=HANG_S)


@pytest.mark.parametrize("busy", [said, told])
def test_what_passes_keeps_a_connection_until_it_is_two_hours_old(
    door: Open, busy: Callable[[Open, ClientConnection, str], None]
) -> None:
    with door.client() as (client, name):
        for _ in range(14):
            door.clock.now_s += 500
            busy(door, client, name)
            door.sweep()
        door.clock.now_s += 199
        door.sweep()
        assert client.ping().wait(HANG_S)
        door.clock.now_s += 1
        door.sweep()
        assert closed(client) == 1001


def test_new_connections_have_a_rate(opened: Callable[..., Open]) -> None:
    door = opened(Limits(connects=1))
    with door.client():
        with pytest.raises(InvalidStatus) as refused:
            connect(door.serving.url)
        assert refused.value.response.status_code == 429
        door.clock.now_s += 1
        with door.client():
            pass


def test_requests_of_the_account_have_a_rate(opened: Callable[..., Open]) -> None:
    door = opened(Limits(requests=1, burst=2))
    with door.client() as (_, name):
        assert [door.post(name, "x") for _ in range(3)] == [200, 200, 429]
        door.clock.now_s += 1
        assert [door.post(name, "x") for _ in range(2)] == [200, 429]


def test_the_function_has_so_many_events_at_once_and_the_others_wait(opened: Callable[..., Open]) -> None:
    door = opened(Limits(invocations=2))
    together, running, most = Barrier(2), list[int](), list[int]()

    def handle(_: dict[str, Any]) -> dict[str, int]:
        running.append(1)
        most.append(len(running))
        together.wait(HANG_S)
        running.pop()
        return {"statusCode": 200}

    door.function.on["CONNECT"] = handle
    with ThreadPoolExecutor(8) as pool, ExitStack() as stack:
        for client in pool.map(lambda _: connect(door.serving.url, open_timeout=HANG_S), range(8)):
            stack.enter_context(client)

    assert max(most) == 2
