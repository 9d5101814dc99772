"""What can go wrong, by switch."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from local.stack.sockets.faults import Post
from tests.contract.socket_door.conftest import Open
from tests.patience import HANG_S

KB = 1024
GIVE_UP_S = 0.3
"""How long a test waits for an answer that never comes."""


def test_one_connection_is_full_and_the_others_are_not(door: Open) -> None:
    with door.client() as (first, one), door.client() as (_, two):
        door.faults.posts[one] = Post.FULL
        assert (door.post(one, "lost"), door.post(two, "x")) == (429, 200)
        del door.faults.posts[one]
        assert door.post(one, "sent") == 200
        assert first.recv(timeout=HANG_S) == "sent"


def test_the_rate_of_the_account_is_used_up_for_all(door: Open) -> None:
    with door.client() as (_, one), door.client() as (_, two):
        door.faults.throttled = True
        assert (door.post(one, "x"), door.post(two, "x")) == (429, 429)
        door.faults.throttled = False
        assert door.post(one, "x") == 200


def test_a_post_that_was_delivered_is_answered_gone(door: Open) -> None:
    with door.client() as (client, name):
        door.faults.next_posts = [Post.GONE_BUT_DELIVERED]
        assert (door.post(name, "one"), door.post(name, "two")) == (410, 200)
        assert [client.recv(timeout=HANG_S) for _ in range(2)] == ["one", "two"]


def test_a_post_that_was_delivered_is_never_answered(door: Open) -> None:
    with door.client() as (client, name):
        door.faults.next_posts = [Post.SILENT_BUT_DELIVERED]
        with httpx.Client(timeout=GIVE_UP_S, trust_env=False) as http, pytest.raises(httpx.ReadTimeout):
            door.send("POST", name, b"one", http)
        assert client.recv(timeout=HANG_S) == "one"
        assert door.post(name, "two") == 200


@pytest.mark.parametrize(("fault", "status"), [(Post.LOST, 200), (Post.FAILED, 500)])
def test_a_post_is_not_delivered(door: Open, fault: Post, status: int) -> None:
    with door.client() as (client, name):
        door.faults.next_posts = [fault]
        assert (door.post(name, "one"), door.post(name, "two")) == (status, 200)
        assert client.recv(timeout=HANG_S) == "two"


def test_a_post_is_neither_delivered_nor_answered(door: Open) -> None:
    with door.client() as (client, name):
        door.faults.next_posts = [Post.SILENT]
        with httpx.Client(timeout=GIVE_UP_S, trust_env=False) as http, pytest.raises(httpx.ReadTimeout):
            door.send("POST", name, b"one", http)
        door.post(name, "two")
        assert client.recv(timeout=HANG_S) == "two"


def test_a_half_open_connection_takes_posts_and_nobody_notices_until_it_is_idle(door: Open) -> None:
    with door.client() as (client, name):
        connection = door.serving.door.connections[name]
        connection.half_open = True
        client.send("not read")
        statuses = [door.post(name, "x" * 32 * KB) for _ in range(10)]
        assert (statuses[0], statuses[-1]) == (200, 429)
        door.clock.now_s += 599
        door.sweep()
        assert door.serving.door.connections == {name: connection}
        door.clock.now_s += 1
        door.sweep()
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=HANG_S)

    event = door.function.event("DISCONNECT")
    assert event["requestContext"]["disconnectStatusCode"] == 1006
    assert door.post(name, "x") == 410


def test_the_end_of_a_half_open_connection_is_not_noticed(door: Open) -> None:
    with door.client() as (client, name):
        door.serving.door.connections[name].half_open = True
        client.socket.close()
    assert door.post(name, "x") == 200
    assert door.function.nothing_more()
