"""What a client is told when a part of the service fails, and what the log says."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from dekr.errors import StoreDown, Unavailable
from dekr.stream.conversation.turn import EventType, Outcome
from dekr.stream.ports import Delivered, State
from tests.integration.stream.gateways import ID, CutLink, Gateway
from tests.patience import patient
from tests.redis_servers import RedisServer

DOWN = {"ev": "status", "status": "error", "message": "The shared store cannot be reached."}


@pytest.fixture
def cut(redis: RedisServer) -> Iterator[Gateway]:
    link = CutLink.open(redis.url)
    assert isinstance(link, CutLink)
    yield Gateway(patient(link))
    link.close()


def take_down(gateway: Gateway) -> None:
    assert isinstance(gateway.link, CutLink)
    gateway.link.down = True


@pytest.mark.parametrize("action", ["auth", "subscribe", "unsubscribe", "resume", "ping"])
def test_without_the_store_a_message_is_answered_by_an_error(cut: Gateway, action: str) -> None:
    cut.sign_in()
    take_down(cut)

    turn = cut.send(json.dumps({"action": action, "params": "T.AAPL"}))

    assert cut.connections.take(ID) == [DOWN]
    assert turn.status == 200
    assert isinstance(turn.error, StoreDown)
    assert (turn.facts()["outcome"], turn.facts()["stream_failures"]) == ("failed", 1)


def test_without_the_store_a_connection_is_refused(cut: Gateway) -> None:
    take_down(cut)
    turn = cut.connect()
    assert turn.status == 503
    assert isinstance(turn.error, StoreDown)


def test_without_the_store_a_greeting_is_an_error_and_the_client_connects_again(cut: Gateway) -> None:
    cut.begin()
    cut.connections.open(ID)
    take_down(cut)

    cut.greet()

    assert cut.connections.items(ID) == [DOWN]
    assert cut.connections.closed == [ID]


def test_without_the_store_a_disconnect_is_only_logged(cut: Gateway) -> None:
    cut.sign_in()
    take_down(cut)
    turn = cut.leave()
    assert (turn.status, turn.outcome) == (200, Outcome.FAILED)


def test_a_connection_that_cannot_be_greeted_is_refused_and_forgotten(gateway: Gateway) -> None:
    def fail(_: Mapping[str, Any]) -> None:
        raise Unavailable("Not now.", retry_after_s=1, code="invoke_failed")

    object.__setattr__(gateway.conversation.arrival, "greet_later", fail)

    turn = gateway.connect()

    assert turn.status == 503
    assert gateway.registry.counts().sockets == 0


def test_an_error_that_nobody_expected_is_told_as_one(gateway: Gateway) -> None:
    gateway.sign_in()

    def crash() -> None:
        raise ZeroDivisionError

    object.__setattr__(gateway.conversation.sign_in, "wake", crash)
    turn = gateway.send('{"action":"subscribe","params":"T.AAPL"}')

    assert isinstance(turn.crash, ZeroDivisionError)
    assert turn.status == 200
    (item,) = gateway.connections.take(ID)
    assert (item["status"], item["message"]) == ("error", "something went wrong on our side; it has been logged")
    assert gateway.registry.look_up(ID).state is State.LISTENING


def test_a_post_that_may_have_arrived_changes_nothing(gateway: Gateway) -> None:
    gateway.connect()
    gateway.connections.next_outcomes[ID].append(Delivered.UNKNOWN)
    gateway.auth(gateway.key())
    assert gateway.registry.look_up(ID).state is State.LISTENING


def test_a_client_that_left_during_its_sign_in_leaves_nothing(gateway: Gateway) -> None:
    gateway.connect()
    gateway.connections.living.clear()
    gateway.auth(gateway.key())
    assert gateway.registry.counts().sockets == 0
    assert gateway.wakes == 0


def test_an_event_of_another_kind_is_no_event_of_a_connection(gateway: Gateway) -> None:
    event = gateway.event(EventType.MESSAGE, ID)
    event["requestContext"]["eventType"] = "PING"
    with pytest.raises(ValueError, match="PING"):
        gateway.conversation.handle(event)
