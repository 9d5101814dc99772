"""Whatever a client sends, it gets a status message of the upstream's form, and its connection goes on."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.access.keys import new_key
from dekr.access.principals import KEYS_OF_AN_ADDRESS
from dekr.errors import Unauthenticated
from dekr.stream.conversation.conversation import FLOOD_TOLD_EVERY_S
from dekr.stream.conversation.messages import MAX_MESSAGE, Action
from dekr.stream.conversation.refusals import MAX_SHOWN
from dekr.stream.conversation.turn import EventType, Outcome
from dekr.stream.pairs import MAX_PARAMS
from dekr.stream.ports import State
from dekr.stream.registry.scripts import HEARD_BURST
from dekr.stream.statuses import AUTHENTICATED, MAX_FRAME
from tests.integration.stream.gateways import ID, Gateway
from tests.integration.stream.registries import ADDRESS, changes, pairs

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALL_ACTIONS = "action: must be one of auth, subscribe, unsubscribe, resume, ping"
NO_OBJECT = 'message: must be a JSON object, as in {"action":"subscribe","params":"T.AAPL"}'
NO_JSON = 'message: must be JSON, as in {"action":"subscribe","params":"T.AAPL"}'


@pytest.fixture
def signed_in(gateway: Gateway) -> Gateway:
    gateway.sign_in()
    return gateway


@pytest.mark.parametrize("state", ["new", "listening"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("hello", NO_JSON),
        ("", NO_JSON),
        (None, NO_JSON),
        ('{"action":"ping"', NO_JSON),
        ('{"action":NaN}', NO_JSON),
        ("[" * 60_000, NO_JSON),
        ('{"a":' * 20_000, NO_JSON),
        ('"\\ud800"', NO_JSON),
        ("\ud800", NO_JSON),
        ("5", NO_OBJECT),
        ('"auth"', NO_OBJECT),
        ("null", NO_OBJECT),
        ("true", NO_OBJECT),
        ("[]", NO_OBJECT),
        ('[{"action":"ping"}]', NO_OBJECT),
        ("{}", ALL_ACTIONS),
        ('{"action":null}', ALL_ACTIONS),
        ('{"action":["ping"]}', ALL_ACTIONS),
        ('{"action":{"ping":1}}', ALL_ACTIONS),
        ('{"action":"PING"}', ALL_ACTIONS),
        ('{"action":"$disconnect"}', ALL_ACTIONS),
        ('{"action":"$connect"}', ALL_ACTIONS),
        ('{"action":"$default"}', ALL_ACTIONS),
        ('{"action":"' + "x" * 100_000 + '"}', ALL_ACTIONS),
        ('{"greet":"L0SM9cOFvHcCIhw=","entrance":"ticket"}', ALL_ACTIONS),
        ('"' + "x" * MAX_MESSAGE + '"', f"message: must be no longer than {MAX_MESSAGE} bytes"),
        ('"' + "\u20ac" * 50_000 + '"', f"message: must be no longer than {MAX_MESSAGE} bytes"),
        (b"\xff\xfe\x00", NO_JSON),
        (b"", NO_JSON),
        (b"[]", NO_OBJECT),
    ],
)
def test_a_message_that_cannot_be_read(gateway: Gateway, state: str, body: str | bytes | None, message: str) -> None:
    gateway.connect() if state == "new" else gateway.sign_in()
    gateway.connections.take(ID)

    turn = gateway.send(body)

    assert gateway.connections.take(ID) == [{"ev": "status", "status": "error", "message": message}]
    assert (turn.status, turn.outcome, turn.crash) == (200, Outcome.REFUSED, None)
    assert gateway.registry.look_up(ID).state is State(state)
    assert [item["message"] for item in gateway.say(action="ping")] == ["pong"]


def test_the_kind_of_an_event_counts_and_not_the_route_that_its_client_named(signed_in: Gateway) -> None:
    event = signed_in.event(EventType.MESSAGE, ID) | {"body": '{"action":"$disconnect"}'}
    event["requestContext"]["routeKey"] = "$disconnect"

    signed_in.conversation.handle(event)

    assert signed_in.registry.look_up(ID).state is State.LISTENING


def test_a_binary_frame_is_read_as_text(signed_in: Gateway) -> None:
    signed_in.send(b'{"action":"subscribe","params":"T.AAPL"}')
    assert pairs(signed_in.registry, ID) == {"T.AAPL"}


@pytest.mark.parametrize("action", ["subscribe", "resume", "unsubscribe"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"params": ""}, {"params": " "}, {"params": None}, {"params": 5}, {"params": ["T.AAPL"]}, {"params": {}}],
)
def test_params_that_are_no_text(signed_in: Gateway, action: str, fields: dict[str, Any]) -> None:
    (item,) = signed_in.say(action=action, since="1-1", **fields)
    assert item["status"] == "error"
    assert item["message"].startswith("params: must be text that is not empty")


def test_params_without_a_pair(signed_in: Gateway) -> None:
    (item,) = signed_in.say(action="subscribe", params=" , ,,")
    assert (item["status"], item["message"]) == ("error", "params: must name a pair, as in T.AAPL")


@pytest.mark.parametrize(
    ("part", "shown", "reason"),
    [
        ("T.", "T.", "a channel, a dot and a symbol"),
        (".AAPL", ".AAPL", "no such channel"),
        ("AAPL", "AAPL", "a channel, a dot and a symbol"),
        ("Z.AAPL", "Z.AAPL", "no such channel"),
        ("t.aapl", "t.aapl", "no such channel"),
        ("t.AAPL", "t.AAPL", "no such channel"),
        ("am.*", "am.*", "no such channel"),
        ("LULD.*", "LULD.*", "not offered"),
        ("T.AAPL MSFT", "T.AAPL MSFT", "no ticker"),
        ("T.\u00e9", "T.\u00e9", "no ticker"),
        ("T.{stream}", "T.{stream}", "no ticker"),
        ("T." + "A" * 5_000, "T." + "A" * 38, "no ticker"),
    ],
)
def test_a_part_that_is_no_pair_is_refused_and_the_others_are_not(
    signed_in: Gateway, part: str, shown: str, reason: str
) -> None:
    (item,) = signed_in.say(action="subscribe", params=f"T.MSFT,{part}")
    assert item["status"] == "error"
    assert item["message"].startswith(f"{shown}: ") and reason in item["message"]
    assert pairs(signed_in.registry, ID) == {"T.MSFT"}


def test_a_symbol_in_small_letters_is_read_in_capitals(signed_in: Gateway) -> None:
    assert signed_in.say(action="subscribe", params="T.aapl,T.AAPL") == []
    assert pairs(signed_in.registry, ID) == {"T.AAPL"}


def test_ten_thousand_symbols_are_refused_at_once(signed_in: Gateway) -> None:
    names = ",".join(f"T.{a}{b}{c}" for a in LETTERS for b in LETTERS for c in LETTERS)[: 10_000 * 6]
    (item,) = signed_in.say(action="subscribe", params=names)
    assert (item["status"], item["message"]) == ("error", f"params: must name {MAX_PARAMS} pairs at most")
    assert pairs(signed_in.registry, ID) == set()


def test_ten_thousand_symbols_before_the_sign_in_are_refused_too(gateway: Gateway) -> None:
    gateway.connect()
    gateway.connections.take(ID)
    names = ",".join(f"T.{a}{b}{c}" for a in LETTERS for b in LETTERS for c in LETTERS)[: 10_000 * 6]
    assert [item["status"] for item in gateway.say(action="subscribe", params=names)] == ["error"]


def test_more_than_a_thousand_pairs_before_the_sign_in_are_refused_by_name(gateway: Gateway) -> None:
    gateway.connect()
    gateway.connections.take(ID)
    first = [f"T.A{a}{b}" for a in LETTERS for b in LETTERS][:600]
    gateway.say(action="subscribe", params=",".join(first))
    (item,) = gateway.say(action="subscribe", params=",".join(f"Q{pair[1:]}" for pair in first))
    assert item["status"] == "error"
    assert "and 180 more" in item["message"] and "too many before the sign-in" in item["message"]


def test_many_bad_pairs_are_told_in_frames_that_the_gateway_takes(signed_in: Gateway) -> None:
    bad = ",".join(f"Z.{a}{b}" for a in LETTERS for b in LETTERS)
    items = signed_in.say(action="subscribe", params=bad)
    assert len(items) == MAX_SHOWN + 1
    assert f"{26 * 26 - MAX_SHOWN} more" in items[-1]["message"]


@pytest.mark.parametrize(
    "since", ["", "x", "1", "1-", "-1-1", "1-1-1", "1-1;DROP", 5, ["1-1"], {}, True, "9" * 40 + "-1"]
)
@pytest.mark.parametrize("action", ["subscribe", "resume"])
def test_a_cursor_that_is_none(signed_in: Gateway, action: str, since: Any) -> None:
    (item,) = signed_in.say(action=action, params="T.AAPL", since=since)
    assert (item["status"], item["message"]) == ("error", "since: must be the _c of a frame that was received")
    assert pairs(signed_in.registry, ID) == set(), "who names a position does not go on from elsewhere"


def test_a_resume_needs_a_cursor(signed_in: Gateway) -> None:
    (item,) = signed_in.say(action="resume", params="T.AAPL")
    assert item["message"].startswith("since: ")


def test_a_foreign_or_forged_cursor_is_the_relays_to_judge(signed_in: Gateway) -> None:
    assert signed_in.say(action="subscribe", params="T.AAPL", since="9999999999999999999-9999999999999999") == []
    (change,) = changes(signed_in.registry)
    assert change.since is not None and change.since.text == "9999999999999999999-9999999999999999"


@pytest.mark.parametrize("snapshot", [1, "true", [], {}])
def test_a_snapshot_is_wanted_or_not(signed_in: Gateway, snapshot: Any) -> None:
    (item,) = signed_in.say(action="subscribe", params="T.AAPL", snapshot=snapshot)
    assert (item["status"], item["message"]) == ("error", "snapshot: must be true or false")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"params": ""},
        {"params": None},
        {"params": 5},
        {"params": ["dk_live_x"]},
        {"params": "hello"},
        {"params": "dk_test_0123456789abcdef_0123456789abcdef"},
        {"params": "\u20ac" * 1_000},
        {"params": "x" * 100_000},
        {"params": "a.b.c"},
    ],
)
def test_a_credential_that_is_none_fails_and_the_connection_is_closed(gateway: Gateway, fields: dict[str, Any]) -> None:
    gateway.connect()
    gateway.connections.take(ID)

    (item,) = gateway.say(action="auth", **fields)

    assert (item["ev"], item["status"]) == ("status", "auth_failed")
    assert item["message"]
    assert gateway.connections.closed == [ID]
    assert gateway.registry.counts().sockets == 0


def test_a_revoked_key_fails(gateway: Gateway) -> None:
    key = gateway.key()
    gateway.world.directory.revoke(next(iter(gateway.world.directory.records)))
    gateway.connect()
    gateway.connections.take(ID)

    (item,) = gateway.say(action="auth", params=key)

    assert item == {"ev": "status", "status": "auth_failed", "message": "This API key has been revoked."}
    assert gateway.connections.closed == [ID]


def test_signing_in_twice_with_the_same_key_or_another_one_of_the_same_user(gateway: Gateway) -> None:
    key = gateway.key()
    gateway.connect()
    gateway.connections.take(ID)
    for credential in (key, key, gateway.key()):
        assert gateway.say(action="auth", params=credential) == [AUTHENTICATED]
    gateway.say(action="subscribe", params="T.AAPL")
    assert gateway.say(action="auth", params=key) == [AUTHENTICATED]
    assert pairs(gateway.registry, ID) == {"T.AAPL"}
    assert gateway.registry.counts().sockets == 1


def test_signing_in_as_another_user_is_refused_and_changes_nothing(signed_in: Gateway) -> None:
    turn = signed_in.send(json.dumps({"action": "auth", "params": signed_in.key(1, "bob")}))

    (item,) = signed_in.connections.take(ID)
    assert item["status"] == "error" and "another user" in item["message"]
    assert turn.outcome is Outcome.REFUSED
    heard = signed_in.registry.look_up(ID)
    assert heard.subscriber is not None and heard.subscriber.user == "ann"
    assert signed_in.connections.closed == []


def test_who_tries_out_keys_is_told_to_wait_and_not_that_a_key_is_wrong(gateway: Gateway) -> None:
    principals = gateway.world.services.principals
    for _ in range(KEYS_OF_AN_ADDRESS.burst):
        with pytest.raises(Unauthenticated):
            principals.resolve(new_key("test", os.urandom).text, ADDRESS)
    gateway.connect()
    gateway.connections.take(ID)

    (item,) = gateway.say(action="auth", params=gateway.key())

    assert (item["status"], item["message"]) == (
        "error",
        "Too many look-ups of API keys or users from this address.",
    )
    assert gateway.connections.closed == []


def test_a_flood_is_not_read_and_not_answered_by_a_flood(signed_in: Gateway) -> None:
    for _ in range(HEARD_BURST * 3):
        signed_in.send('{"action":"ping"}')
    messages = [item["message"] for item in signed_in.connections.take(ID)]
    assert messages[:20] == ["pong"] * 20
    assert sum(message.startswith("too many messages") for message in messages) == 1
    assert len(messages) < HEARD_BURST + 5

    signed_in.later(FLOOD_TOLD_EVERY_S + HEARD_BURST)
    signed_in.send('{"action":"subscribe","params":"T.AAPL"}')
    assert pairs(signed_in.registry, ID) == {"T.AAPL"}


def test_nothing_in_a_flood_takes_effect(signed_in: Gateway) -> None:
    for _ in range(HEARD_BURST * 2):
        signed_in.link.clock.at_us -= 1_000  # all at once
        turn = signed_in.send('{"action":"subscribe","params":"T.AAPL"}')
    assert turn.outcome is Outcome.FLOODING
    signed_in.link.clock.at_us -= 1_000
    signed_in.send('{"action":"subscribe","params":"T.MSFT"}')
    assert pairs(signed_in.registry, ID) == {"T.AAPL"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
parts = ("T", "Q", "A", "AM", "LULD", "t", "Z", ".", ",", "*", "AAPL", "aapl", "BRK.B", "\u00e9", "\x00", "\ud800")
params = st.lists(st.sampled_from(parts)).map("".join)
objects = st.fixed_dictionaries(
    {"action": st.sampled_from([*Action, "$disconnect"]) | json_values, "params": params | json_values},
    optional={"since": st.sampled_from(["1-1", "x"]) | json_values, "snapshot": st.booleans() | json_values},
)
bodies = objects.map(json.dumps) | json_values.map(json.dumps) | st.text() | st.binary()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, known=st.booleans())
def test_nothing_that_a_client_sends_breaks_the_conversation(gateway: Gateway, body: str | bytes, known: bool) -> None:
    gateway.later(1)  # look-ups of keys are limited
    connection = f"c{len(gateway.connections.frames)}"
    gateway.sign_in(connection, user=connection) if known else gateway.connect(connection, address=connection)
    gateway.connections.frames[connection].clear()

    turn = gateway.send(body, connection)

    assert (turn.crash, turn.status) == (None, 200)
    for frame in gateway.connections.frames[connection]:
        assert len(frame.encode()) <= MAX_FRAME
        items = json.loads(frame)
        assert isinstance(items, list) and items
        assert all(item["ev"] == "status" and item["status"] and item["message"] for item in items)
