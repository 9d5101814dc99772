"""The conversation with a client: greeting, sign-in, subscriptions and their refusals."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.stream.conversation.client import GREETED_WITHIN_S
from dekr.stream.conversation.turn import EventType, Outcome
from dekr.stream.cursor import StreamCursor
from dekr.stream.ports import Delivered, State
from dekr.stream.statuses import AUTHENTICATED, CONNECTED
from tests.integration.stream.gateways import ID, Gateway
from tests.integration.stream.registries import ADDRESS, changes, pairs, relay_runs, subscriber


def test_a_conversation(gateway: Gateway) -> None:
    assert gateway.connect().status == 200
    assert gateway.connections.take(ID) == [CONNECTED]

    assert gateway.say(action="auth", params=gateway.key(5)) == [AUTHENTICATED]
    assert gateway.say(action="subscribe", params="T.AAPL,Q.MSFT") == [], "the relay acknowledges"
    assert pairs(gateway.registry, ID) == {"T.AAPL", "Q.MSFT"}
    assert gateway.wakes == 1
    assert gateway.say(action="unsubscribe", params="T.AAPL") == []
    assert pairs(gateway.registry, ID) == {"Q.MSFT"}
    assert [item["message"] for item in gateway.say(action="ping")] == ["pong"]

    gateway.leave()
    assert gateway.registry.look_up(ID).state is State.GONE


def test_the_greeting_comes_once_however_often_it_is_invoked(gateway: Gateway) -> None:
    gateway.begin()
    gateway.connections.open(ID)
    (greeting,) = gateway.greetings

    turns = [gateway.conversation.handle(greeting) for _ in range(3)]

    assert [turn.outcome for turn in turns] == [Outcome.DONE, Outcome.REPEATED, Outcome.REPEATED]
    assert gateway.connections.items(ID) == [CONNECTED]


def test_a_client_that_signs_in_before_its_greeting_is_greeted_first(gateway: Gateway) -> None:
    gateway.begin()
    gateway.connections.open(ID)

    assert gateway.say(action="auth", params=gateway.key(5)) == [CONNECTED, AUTHENTICATED]
    assert gateway.greet().outcome is Outcome.REPEATED
    assert gateway.connections.take(ID) == []


def test_a_client_that_signs_in_while_its_greeting_waits_is_greeted_first(gateway: Gateway) -> None:
    gateway.begin()

    def sign_in() -> None:
        gateway.connections.open(ID)
        gateway.auth(gateway.key(5))

    gateway.during_sleep = sign_in
    assert gateway.greet().outcome is Outcome.REPEATED
    assert gateway.connections.items(ID) == [CONNECTED, AUTHENTICATED]


def test_the_greeting_waits_for_the_end_of_connect(gateway: Gateway) -> None:
    gateway.begin()
    gateway.during_sleep = lambda: gateway.connections.open(ID)

    assert gateway.greet().outcome is Outcome.DONE
    assert gateway.connections.items(ID) == [CONNECTED]
    assert 0 < gateway.slept_s < GREETED_WITHIN_S


def test_a_connection_that_does_not_come_about_is_forgotten_after_two_seconds(gateway: Gateway) -> None:
    gateway.begin()

    turn = gateway.greet()

    assert turn.client.gone
    assert GREETED_WITHIN_S <= gateway.slept_s < GREETED_WITHIN_S + 0.1
    assert gateway.registry.counts().sockets == 0
    assert gateway.connections.items(ID) == []


def test_a_connect_after_its_own_disconnect_is_refused(gateway: Gateway) -> None:
    gateway.leave()
    assert gateway.connect().status == 429
    assert not gateway.greetings


def test_an_address_has_twenty_connections_without_a_sign_in(gateway: Gateway) -> None:
    statuses = [gateway.connect(f"c{i}").status for i in range(21)]
    assert statuses == [200] * 20 + [429]
    assert gateway.connect("c30", address="203.0.113.8").status == 200

    gateway.say("c3", action="auth", params=gateway.key())
    assert gateway.connect("c31").status == 200


def test_the_greeting_is_a_frame_of_its_own_and_so_is_the_sign_in(gateway: Gateway) -> None:
    gateway.connect("c2")
    gateway.send('{"action":"subscribe","params":"T.AAPL"}', "c2")
    gateway.auth(gateway.key(4, "bob"), "c2")

    assert gateway.connections.statuses("c2") == ["connected", "auth_required", "auth_success", "error"]
    assert len(gateway.connections.frames["c2"]) == 4


def test_what_is_subscribed_to_before_the_sign_in_takes_effect_after_it(gateway: Gateway) -> None:
    gateway.connect()
    gateway.during_sleep = lambda: gateway.auth(gateway.key())

    gateway.say(action="subscribe", params="T.AAPL")

    assert gateway.connections.statuses(ID) == []
    assert gateway.registry.look_up(ID).state is State.LISTENING
    assert pairs(gateway.registry, ID) == {"T.AAPL"}
    assert gateway.wakes == 1


def test_no_subscription_takes_effect_before_the_client_knows_that_it_is_signed_in(gateway: Gateway) -> None:
    gateway.connect()
    gateway.say(action="subscribe", params="T.AAPL")
    told: list[int] = []

    def post(connection: str, text: str) -> Delivered:
        told.append(len(changes(gateway.registry)))
        return post_for_real(connection, text)

    post_for_real: Callable[[str, str], Delivered] = gateway.connections.post
    gateway.connections.post = post  # type: ignore[method-assign] # it looks at the registry at the moment of the post
    gateway.say(action="auth", params=gateway.key())

    assert told == [0]
    assert [change.pairs for change in changes(gateway.registry)] == [("T.AAPL",)]


def test_who_subscribes_and_does_not_sign_in_is_reminded_once(gateway: Gateway) -> None:
    gateway.connect()
    gateway.connections.take(ID)

    assert [item["status"] for item in gateway.say(action="subscribe", params="T.AAPL,T.MSFT")] == ["auth_required"]
    assert gateway.slept_s == 1.0
    assert gateway.say(action="subscribe", params="T.MSFT") == []
    assert gateway.slept_s == 1.0, "a message costs a second of Lambda's time only once"


def test_the_newest_connection_wins(gateway: Gateway) -> None:
    for connection in ("c1", "c2"):
        gateway.sign_in(connection, tier=5)

    assert [item["status"] for item in gateway.connections.take("c1")] == ["max_connections"]
    assert gateway.connections.closed == ["c1"]
    assert gateway.registry.look_up("c1").state is State.GONE
    assert gateway.registry.look_up("c2").state is State.LISTENING


def test_after_many_evictions_it_is_the_newcomer_who_is_refused(gateway: Gateway) -> None:
    for i in range(6):
        gateway.sign_in(f"c{i}", tier=5)
    gateway.connect("c9")
    gateway.connections.take("c9")

    assert [item["status"] for item in gateway.say("c9", action="auth", params=gateway.key(5))] == ["max_connections"]
    assert gateway.connections.closed[-1] == "c9"
    assert gateway.registry.look_up("c9").state is State.GONE
    assert gateway.registry.look_up("c5").state is State.LISTENING


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_a_tier_without_streams_signs_in_and_is_told_which_tier_has_them(gateway: Gateway, tier: int) -> None:
    gateway.sign_in(tier=tier)

    (item,) = gateway.say(action="subscribe", params="T.AAPL,Q.AAPL,A.*")

    assert (item["ev"], item["status"]) == ("status", "error")
    assert item["message"].startswith("not authorized")
    assert f"({tier})" in item["message"] and "tier 5" in item["message"]
    assert pairs(gateway.registry, ID) == set()
    assert gateway.wakes == 0


def test_all_symbols_of_a_channel_are_for_the_highest_tier(gateway: Gateway) -> None:
    gateway.sign_in(tier=6)
    items = gateway.say(action="subscribe", params="A.*,AM.*,A.AAPL")
    assert [item["status"] for item in items] == ["error", "error"]
    assert all(item["message"].startswith("not authorized") and "tier 7" in item["message"] for item in items)
    assert pairs(gateway.registry, ID) == {"A.AAPL"}

    gateway.sign_in("c7", tier=7, user="bob")
    assert gateway.say("c7", action="subscribe", params="A.*,AM.*") == []
    assert pairs(gateway.registry, "c7") == {"A.*", "AM.*"}


@pytest.mark.parametrize("pair", ["T.*", "Q.*"])
def test_why_all_trades_are_not_offered_is_said(gateway: Gateway, pair: str) -> None:
    gateway.sign_in()
    (item,) = gateway.say(action="subscribe", params=pair)
    assert item["status"] == "error"
    assert "not offered" in item["message"] and "AM.*" in item["message"]


def test_symbols_above_the_tiers_number_are_refused_by_name(gateway: Gateway) -> None:
    gateway.sign_in(tier=5)
    names = [f"T.{chr(65 + i)}" for i in range(26)]

    (item,) = gateway.say(action="subscribe", params=",".join(names))

    assert item["status"] == "error"
    assert "T.Z:" in item["message"] and "25 symbols" in item["message"]
    assert pairs(gateway.registry, ID) == set(names[:25])


def test_pairs_beyond_what_waits_for_the_sign_in_are_refused_as_such(gateway: Gateway) -> None:
    """The tier is known by then, but it is not its number that they exceed."""
    gateway.connect()
    gateway.registry.admit(ID, subscriber(5), gateway.now_ms)
    gateway.connections.take(ID)
    names = [f"{a}{b}" for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"][:600]
    gateway.say(action="subscribe", params=",".join(f"T.{name}" for name in names))

    (item,) = gateway.say(action="subscribe", params=",".join(f"Q.{name}" for name in names))

    assert "too many before the sign-in" in item["message"]
    assert gateway.slept_s == 0


def test_a_resume_is_a_subscription_with_a_position(gateway: Gateway) -> None:
    gateway.sign_in()
    assert gateway.say(action="resume", params="T.AAPL", since="1795-17") == []
    assert gateway.say(action="subscribe", params="T.MSFT", since="1795-18", snapshot=True) == []

    first, second = changes(gateway.registry)
    assert (first.pairs, first.since, first.snapshot) == (("T.AAPL",), StreamCursor(1795, 17), False)
    assert (second.pairs, second.since, second.snapshot) == (("T.MSFT",), StreamCursor(1795, 18), True)


def test_the_later_message_counts_whichever_comes_first(gateway: Gateway) -> None:
    gateway.sign_in()
    now = gateway.now_ms
    gateway.say(action="unsubscribe", params="T.AAPL", at_ms=now + 20)
    gateway.say(action="subscribe", params="T.AAPL", at_ms=now + 10)
    assert pairs(gateway.registry, ID) == set()


def test_a_relay_is_started_only_where_none_runs(gateway: Gateway) -> None:
    gateway.sign_in()
    relay_runs(gateway.registry, gateway.link.clock.at_us)
    gateway.say(action="subscribe", params="T.AAPL")
    assert gateway.wakes == 0


def test_a_connection_that_is_gone_leaves_the_registry(gateway: Gateway) -> None:
    gateway.sign_in()
    gateway.connections.living.clear()

    turn = gateway.send('{"action":"ping"}')

    assert turn.client.gone
    assert gateway.registry.counts().sockets == 0


def test_a_connection_that_the_registry_does_not_know_is_told_and_closed(gateway: Gateway) -> None:
    gateway.connections.open(ID)

    turn = gateway.send('{"action":"subscribe","params":"T.AAPL"}')

    assert turn.outcome is Outcome.UNKNOWN
    assert gateway.connections.statuses(ID) == ["force_disconnect"]
    assert gateway.connections.closed == [ID]


def test_a_status_waits_for_a_connection_whose_buffer_is_full(gateway: Gateway) -> None:
    gateway.sign_in()
    gateway.connections.next_outcomes[ID].extend([Delivered.SLOW, Delivered.THROTTLED])
    assert [item["message"] for item in gateway.say(action="ping")] == ["pong"]

    gateway.connections.next_outcomes[ID].extend([Delivered.SLOW] * 20)
    turn = gateway.send('{"action":"ping"}')
    assert (turn.facts()["lost"], turn.client.gone) == ({"slow": 1}, False)


def test_the_line_of_an_event_says_how_long_it_took(gateway: Gateway) -> None:
    gateway.connect()
    # The client is reminded of its sign-in after a second.
    turn = gateway.send('{"action":"subscribe","params":"T.AAPL"}')
    assert turn.facts()["duration_ms"] == pytest.approx(1_000, abs=20)


def test_a_frame_that_an_evicted_connection_did_not_get_stands_in_the_line_of_the_one_that_took_its_place(
    gateway: Gateway,
) -> None:
    gateway.sign_in(tier=5)
    gateway.connections.next_outcomes[ID].extend([Delivered.SLOW] * 20)
    gateway.connect("new=")
    turn = gateway.send(json.dumps({"action": "auth", "params": gateway.key(5)}), "new=")
    assert turn.facts()["lost"] == {"slow": 1}


def test_the_line_of_a_message_says_who_sent_what_and_how_it_went(gateway: Gateway) -> None:
    gateway.sign_in(tier=6)
    facts = gateway.send('{"action":"subscribe","params":"T.AAPL"}').facts()

    assert facts["event"] == EventType.MESSAGE
    assert (facts["action"], facts["connection"]) == ("subscribe", ID)
    assert (facts["user"], facts["tier"], facts["outcome"]) == ("ann", "6", "done")
    assert (facts["stream_messages"], facts["stream_connects"], facts["stream_failures"]) == (1, 0, 0)
    assert ADDRESS not in facts.values()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_messages_of_one_connection_may_come_in_any_order(gateway: Gateway, data: st.DataObject) -> None:
    """The sign-in and subscriptions run at the same time: what holds in the end goes by when they were sent."""
    gateway.later(1)  # look-ups of keys are limited
    connection = f"c{len(gateway.connections.frames)}"
    user, start = connection, gateway.now_ms
    sent: list[dict[str, str]] = [{"action": "auth", "params": gateway.key(7, user)}]
    sent += data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "action": st.sampled_from(["subscribe", "unsubscribe"]),
                    "params": st.lists(st.sampled_from(["T.AAPL", "Q.AAPL", "A.*"]), min_size=1).map(",".join),
                }
            ),
            max_size=8,
        )
    )
    expected: set[str] = set()
    for message in sent[1:]:
        named = set(message["params"].split(","))
        expected = expected | named if message["action"] == "subscribe" else expected - named
    order = data.draw(st.permutations(range(len(sent))))
    gateway.connect(connection)

    def next_one() -> None:
        if order:
            number = order.pop(0)
            gateway.during_sleep = next_one if data.draw(st.booleans()) else None
            gateway.send(json.dumps(sent[number]), connection, at_ms=start + number)

    while order:
        next_one()

    assert pairs(gateway.registry, connection) == expected
    statuses = gateway.connections.statuses(connection)
    assert statuses[0] == "connected"
    assert statuses.count("auth_success") == 1
    assert set(statuses) <= {"connected", "auth_success", "auth_required"}
    assert "auth_required" not in statuses[statuses.index("auth_success") :]
    gateway.leave(connection)
