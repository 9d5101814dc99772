"""The stream speaks the vendor's protocol, lets a key have one connection, and fails on request."""

import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from websockets.exceptions import InvalidStatus

from local.sandbox.plans import FREE, STARTER
from tests.contract.sandbox.streams import Streaming, client, signed_in, streaming

REFUSED = ("max_connections", 1008)


@pytest.fixture
def market() -> Iterator[Streaming]:
    with streaming() as made:
        yield made


def test_each_pair_is_acknowledged_in_order(market: Streaming) -> None:
    with signed_in(market) as listener:
        assert listener.subscribe("T.AAPL, Q.MSFT,A.*,AM.TEST,LULD.AAPL") == [
            "subscribed to: T.AAPL",
            "subscribed to: Q.MSFT",
            "subscribed to: A.*",
            "subscribed to: AM.TEST",
            "subscribed to: LULD.AAPL",
        ]
        listener.say("unsubscribe", "Q.MSFT,A.*")
        assert [each["message"] for each in listener.frame()] == ["unsubscribed to: Q.MSFT", "unsubscribed to: A.*"]
        (shown,) = market.shown()["connections"]
        assert shown["subscriptions"] == ["AM.TEST", "LULD.AAPL", "T.AAPL"]


def test_only_what_is_subscribed_to_comes(market: Streaming) -> None:
    with signed_in(market) as listener:
        listener.subscribe("Q.AAPL,T.QQQQQ,Q.TEST")
        market.advance(2)
        listener.events(lambda event: event["sym"] == "TEST")
        listener.say("unsubscribe", "Q.AAPL")
        listener.events(lambda event: event["ev"] == "status")
        market.advance(3)
        found = [listener.frame() for _ in range(3)]
        assert {(event["ev"], event["sym"]) for frame in found for event in frame} == {("Q", "TEST")}


def test_all_of_a_channel_is_thousands_of_events_a_second(market: Streaming) -> None:
    with signed_in(market) as listener:
        assert listener.subscribe("*") == ["subscribed to: *"]
        market.advance(2)
        found = listener.events(lambda event: event["ev"] == "A" and event["sym"] == "TEST")
        assert len({event["sym"] for event in found if event["ev"] == "Q"}) > 5_000
        assert {event["ev"] for event in found} >= {"T", "Q", "A"}


def test_a_wrong_key_is_refused_and_hung_up_on(market: Streaming) -> None:
    with client(market.stream) as listener:
        assert listener.sign_in("another key")[0] == "auth_failed"
        assert listener.closed() == (None, [])


def test_a_plan_without_a_stream_is_refused_at_sign_in() -> None:
    with streaming(FREE) as market, client(market.stream) as listener:
        word, message = listener.sign_in()
        assert word == "auth_failed"
        assert "websocket access" in message
        assert listener.closed() == (None, [])


def test_a_plan_without_quotes_is_refused_those_alone() -> None:
    with streaming(STARTER) as market, signed_in(market) as listener:
        assert listener.subscribe("T.AAPL,A.TEST,Q.*") == ["not authorized", "subscribed to: A.TEST", "not authorized"]
        market.advance(2)
        (event,) = listener.frame()
        assert market.sandbox.clock.now_us() // 1000 - event["e"] == pytest.approx(15 * 60_000, abs=3_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '"auth"',
        "null",
        '{"action":7}',
        '{"action":"$disconnect"}',
        '{"params":"T.AAPL"}',
        "[" * 9_999,
    ],
)
def test_a_message_that_means_nothing_is_an_error(market: Streaming, text: str) -> None:
    with signed_in(market) as listener:
        listener.connection.send(text)
        assert listener.status()[0] == "error"
        assert listener.subscribe("T.AAPL") == ["subscribed to: T.AAPL"]


def test_a_subscription_that_means_nothing_is_an_error(market: Streaming) -> None:
    with signed_in(market) as listener:
        listener.say("subscribe", "T.,T,.AAPL,Z.AAPL,t.aapl")
        assert {each["status"] for each in listener.frame()} == {"error"}
        listener.connection.send(json.dumps({"action": "subscribe", "params": ["T.AAPL"]}))
        assert listener.status()[0] == "error"


def test_a_stranger_may_not_subscribe_and_not_stay(market: Streaming) -> None:
    with client(market.stream) as listener:
        assert listener.status()[0] == "connected"
        listener.say("subscribe", "T.AAPL")
        assert listener.status()[0] == "auth_required"
        market.advance(29)
        listener.say("subscribe", "T.AAPL")
        assert listener.status()[0] == "auth_required"
        market.advance(1)
        code, ((last,),) = listener.closed()
        assert (last["status"], code) == ("auth_timeout", 1008)


def test_there_is_one_path(market: Streaming) -> None:
    with pytest.raises(InvalidStatus) as caught, client(market.stream.replace("/stocks", "/crypto")):
        pass
    assert caught.value.response.status_code == 404


def test_the_older_connection_of_a_key_is_closed(market: Streaming) -> None:
    with signed_in(market) as older:
        older.subscribe("Q.TEST")
        with signed_in(market) as newer:
            code, ((last,),) = older.closed()
            assert (last["status"], code) == REFUSED
            newer.subscribe("Q.TEST")
            market.advance(2)
            assert newer.frame()[0]["sym"] == "TEST"


def test_or_the_newer_one_once_it_subscribes(market: Streaming) -> None:
    market.order("refuse_newcomers")
    with signed_in(market) as older:
        older.subscribe("Q.TEST")
        with signed_in(market) as newer:
            newer.say("subscribe", "Q.TEST")
            code, ((last,),) = newer.closed()
            assert (last["status"], code) == REFUSED
        market.advance(2)
        assert older.frame()[0]["sym"] == "TEST"


def test_a_slow_reader_is_told_and_closed(market: Streaming) -> None:
    with client(market.stream, max_queue=1) as slow:
        slow.sign_in()
        market.http.post("/_control/stream", json={"buffer_bytes": 1}).raise_for_status()
        while not market.shown()["connections"][0]["ending"]:
            market.order("garbage", text=f'["{"x" * 500_000}"]')
        code, frames = slow.closed()
        assert (frames[-1][0]["status"], code) == ("slow_consumer", 1008)


def test_one_that_does_not_close_is_cut_off(market: Streaming) -> None:
    with signed_in(market) as listener:
        market.order("stall")
        market.order("evict")
        while not market.shown()["connections"][0]["ending"]:
            pass
        market.advance(10)
        assert listener.closed() == (None, [])


def test_a_stall_holds_back_everything(market: Streaming) -> None:
    with signed_in(market) as listener:
        listener.subscribe("Q.TEST,T.TEST")
        market.order("stall")
        waiter = listener.connection.ping()
        listener.say("subscribe", "A.TEST")
        market.advance(2)
        while not market.shown()["sent"]:
            pass
        assert not waiter.is_set()
        with pytest.raises(TimeoutError):
            listener.connection.recv(0)
        market.http.delete("/_control/stream").raise_for_status()
        listener.events(lambda event: event.get("message") == "subscribed to: A.TEST")
        listener.events(lambda event: event["ev"] == "Q")
        assert waiter.wait(120)


def test_a_cut_comes_without_a_word(market: Streaming) -> None:
    with signed_in(market) as listener:
        market.order("cut")
        assert listener.closed() == (None, [])
        while market.shown()["connections"]:
            pass


def test_garbage_is_no_json_and_may_be_any_text(market: Streaming) -> None:
    with signed_in(market) as listener:
        market.order("garbage")
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(listener.text())
        market.order("garbage", text="{}")
        assert listener.text() == "{}"
        assert listener.subscribe("T.AAPL") == ["subscribed to: T.AAPL"]


def test_pings_are_answered_unless_pongs_are_withheld(market: Streaming) -> None:
    with signed_in(market) as listener:
        assert listener.connection.ping().wait(120)
        market.order("no_pongs")
        withheld = listener.connection.ping()
        assert listener.subscribe("T.AAPL") == ["subscribed to: T.AAPL"]
        assert not withheld.is_set()


def test_sign_ins_are_refused_as_often_as_ordered(market: Streaming) -> None:
    market.order("auth_refused", count=2)
    for expected in ("auth_failed", "auth_failed", "auth_success"):
        with client(market.stream) as listener:
            assert listener.sign_in()[0] == expected


@pytest.mark.parametrize(("kind", "words"), [("evict", "max_connections"), ("force_disconnect", "force_disconnect")])
def test_connections_are_closed_on_order(market: Streaming, kind: str, words: str) -> None:
    with signed_in(market) as listener:
        market.order(kind)
        code, ((last,),) = listener.closed()
        assert last["status"] == words
        assert code in {1008, 1001}


@pytest.mark.parametrize(("kind", "step"), [("repeated_q", 0), ("backward_q", -1_000)])
def test_sequence_numbers_that_repeat_or_go_back(market: Streaming, kind: str, step: int) -> None:
    with signed_in(market) as listener:
        listener.subscribe("T.TEST")
        market.order(kind, count=2)
        market.advance(8)
        found = listener.events(lambda event: event["q"] == 54_036_250)
        numbers = [event["q"] for event in found]
        assert numbers[1:3] == [numbers[0] + step] * 2
        assert {later - former for former, later in pairwise(numbers[3:])} == {1_000}
        assert len({(event["i"], event["t"]) for event in found}) == len(found)


@pytest.mark.parametrize(
    "body",
    [[], {"kind": "explode"}, {"kind": "cut", "count": 2}, {"kind": "repeated_q", "count": 0}, {"buffer_bytes": True}],
)
def test_an_order_that_makes_no_sense_is_refused(market: Streaming, body: object) -> None:
    response = market.http.post("/_control/stream", json=body)
    assert response.status_code == 400
    assert response.json()["error"]
