"""What a client should not send gets a status message, at the deployed socket: whoever sent it goes on, or comes in again."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dekr.access.directory import DynamoKeyDirectory
from dekr.access.principal import Role
from dekr.stream.pairs import MAX_PARAMS
from dekr.stream.registry.scripts import HEARD_BURST
from dekr.stream.started.records import WAITING_US
from dekr.tiers import Tier
from local.keys import LOCAL, Target, issue
from local.stack.cloud import Cloud
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S, patient_url

type Item = dict[str, Any]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MANY = ",".join([f"T.{a}{b}{c}" for a in LETTERS for b in LETTERS for c in LETTERS][:10_000])
FRAME = 32 * 1024
"""The longest frame that the gateway takes."""

NO_JSON, NO_OBJECT, ACTIONS = "message: must be JSON", "message: must be a JSON object", "action: must be one of"
NO_TEXT, NO_CURSOR = "params: must be text", "since: must be the _c"


@pytest.fixture(scope="module")
def keys(cloud: LocalCloud) -> tuple[str, str]:
    """The keys of two users of these tests' own, who have ten connections each."""
    directory = DynamoKeyDirectory(Cloud(cloud.said["aws"]).client("dynamodb"), cloud.said["outputs"]["KeysTable"])
    target, now = Target(directory, LOCAL), datetime.now(UTC)
    names = [f"{name}-{secrets.token_hex(4)}" for name in ("ann", "bob")]
    ann, bob = (issue(target, name, Tier(7), Role.USER, now).text for name in names)
    return ann, bob


@contextmanager
def connected(url: str) -> Iterator[ClientConnection]:
    """A client that has been greeted."""
    with connect(url, proxy=None, max_queue=None, open_timeout=HANG_S, close_timeout=HANG_S) as client:
        assert [item["status"] for item in said(client)] == ["connected"]
        yield client


@pytest.fixture
def stranger(cloud: LocalCloud) -> Iterator[ClientConnection]:
    """A client that has not signed in."""
    with connected(cloud.said["ws"]) as client:
        yield client


@pytest.fixture
def client(stranger: ClientConnection, keys: tuple[str, str]) -> ClientConnection:
    """A client that has signed in."""
    assert ask(stranger, action="auth", params=keys[0])["status"] == "auth_success"
    return stranger


def said(client: ClientConnection) -> list[Item]:
    """The next frame, which has the upstream's form."""
    items: list[Item] = json.loads(client.recv(timeout=HANG_S))
    assert isinstance(items, list) and items
    assert all(item["ev"] != "status" or (item["status"] and item["message"]) for item in items)
    return items


def ask(client: ClientConnection, text: str | Iterable[str] = "", **fields: Any) -> Item:
    """Send a message (an iterable: a frame for each part), and return the first item of the next frame."""
    client.send(text or json.dumps(fields))
    return said(client)[0]


def until(client: ClientConnection, status: str, message: str = "") -> Item:
    """The first item with this status and a message that begins so."""
    while True:
        for item in said(client):
            if item.get("status") == status and item["message"].startswith(message):
                return item


def goes_on(client: ClientConnection) -> None:
    """The connection is what it was."""
    assert ask(client, action="ping")["message"] == "pong"


def ended(client: ClientConnection) -> int:
    """The code with which the connection ends, after whatever else is said."""
    with pytest.raises(ConnectionClosed) as end:
        list(iter(lambda: client.recv(timeout=HANG_S), None))
    assert end.value.rcvd is not None
    return end.value.rcvd.code


def in_frames(text: str, number: int) -> list[str]:
    size = -(-len(text) // number)
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("hello", NO_JSON, id="no JSON"),
        pytest.param("5", NO_OBJECT, id="a scalar"),
        pytest.param('[{"action":"ping"}]', NO_OBJECT, id="an array"),
        pytest.param(in_frames("x" * 100_000, 4), NO_JSON, id="100 KB in four frames"),
        pytest.param('{"action":"stream"}', ACTIONS, id="an unknown action"),
        pytest.param('{"action":"$disconnect"}', ACTIONS, id="a route of the gateway"),
        pytest.param('{"action":"subscribe"}', NO_TEXT, id="no params"),
        pytest.param('{"action":"subscribe","params":""}', NO_TEXT, id="empty params"),
        pytest.param('{"action":"subscribe","params":["T.AAPL"]}', NO_TEXT, id="params that are no text"),
        pytest.param(
            in_frames(json.dumps({"action": "subscribe", "params": MANY}), 2),
            f"params: must name {MAX_PARAMS} pairs at most",
            id="ten thousand symbols",
        ),
        pytest.param('{"action":"subscribe","params":"T."}', "T.: a subscription is", id="no symbol"),
        pytest.param('{"action":"subscribe","params":"Z.AAPL"}', "Z.AAPL: there is no", id="no channel"),
        pytest.param('{"action":"subscribe","params":"t.aapl"}', "t.aapl: there is no", id="a small channel"),
        pytest.param('{"action":"subscribe","params":"T.TEST","since":"forged"}', NO_CURSOR, id="no cursor"),
    ],
)
def test_a_message_that_is_none(client: ClientConnection, text: str | list[str], message: str) -> None:
    item = ask(client, text)
    assert item["status"] == "error"
    assert item["message"].startswith(message)
    goes_on(client)


def test_a_message_in_four_frames_is_read_as_one(client: ClientConnection) -> None:
    padded = json.dumps({"action": "ping", "more": "x" * 100_000})
    assert ask(client, in_frames(padded, 4))["message"] == "pong"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param("x" * (FRAME + 1024), 1009, id="33 KB in one frame"),
        pytest.param(["x" * FRAME] * 5, 1009, id="more than a message may have"),
        pytest.param(b'{"action":"ping"}', 1003, id="a binary frame"),
    ],
)
def test_what_the_gateway_does_not_take_ends_the_connection_and_no_other(
    cloud: LocalCloud, client: ClientConnection, sent: str | bytes | list[str], code: int
) -> None:
    with connected(cloud.said["ws"]) as other:
        client.send(sent)
        assert ended(client) == code
        goes_on(other)


def test_who_subscribes_before_signing_in_is_reminded_and_acknowledged_afterwards(
    stranger: ClientConnection, keys: tuple[str, str]
) -> None:
    assert ask(stranger, action="subscribe", params="T.AAPL")["status"] == "auth_required"
    assert ask(stranger, action="auth", params=keys[0])["status"] == "auth_success"
    assert said(stranger)[0]["message"] == "subscribed to: T.AAPL"


def test_a_symbol_in_small_letters_is_read_in_capitals(client: ClientConnection) -> None:
    assert ask(client, action="subscribe", params="T.aapl")["message"] == "subscribed to: T.AAPL"


def test_signing_in_again_with_another_users_key_changes_nothing(
    client: ClientConnection, keys: tuple[str, str]
) -> None:
    item = ask(client, action="auth", params=keys[1])
    assert (item["status"], "another user" in item["message"]) == ("error", True)
    assert ask(client, action="auth", params=keys[0])["status"] == "auth_success"


@pytest.mark.parametrize("cursor", ["1-1", "9999999999999999999-9999999999999999"])
def test_a_cursor_from_elsewhere_goes_on_with_a_gap(client: ClientConnection, cursor: str) -> None:
    item = ask(client, action="resume", params="T.TEST", since=cursor)
    assert item["message"] == "subscribed to: T.TEST"
    assert until(client, "gap")["pairs"] == ["T.TEST"]
    goes_on_with_events(client)


def test_a_cursor_from_the_future_goes_on_from_now(client: ClientConnection) -> None:
    client.send(json.dumps({"action": "subscribe", "params": "T.TEST"}))
    until(client, "success", "subscribed to: T.TEST")
    goes_on_with_events(client)
    while "_c" not in (item := said(client)[-1]):
        pass
    generation = item["_c"].partition("-")[0]
    client.send(json.dumps({"action": "resume", "params": "T.TEST", "since": f"{generation}-9999999999999999"}))
    until(client, "resumed")
    goes_on_with_events(client)


def goes_on_with_events(client: ClientConnection) -> None:
    while not any(item["ev"] == "T" for item in said(client)):
        pass


@pytest.fixture
def started(cloud: LocalCloud, keys: tuple[str, str]) -> Iterator[Item]:
    """A stream that waits for its client."""
    header = {"x-api-key": keys[0]}
    made: Item = cloud.http.post("/stream/start", json=["TEST"], headers=header).raise_for_status().json()
    yield made
    cloud.http.delete(f"/stream/{made['stream_id']}", headers=header).raise_for_status()


def with_ticket(url: str, ticket: str) -> str:
    return f"{url.partition('?')[0]}?ticket={ticket}"


def of(started: Item) -> str:
    (ticket,) = parse_qs(urlsplit(started["url"]).query)["ticket"]
    return ticket


def is_refused(url: str) -> None:
    with connected(url) as client:
        item = said(client)[0]
        assert (item["status"], item["message"].startswith("The ticket")) == ("auth_failed", True)
        assert ended(client) == 1000


def lets_in(started: Item) -> None:
    with connected(started["url"]) as client:
        assert said(client)[0]["status"] == "auth_success"
        goes_on_with_events(client)


def test_a_ticket_is_good_once(started: Item) -> None:
    with connected(started["url"]) as client:
        assert said(client)[0]["status"] == "auth_success"
        is_refused(started["url"])
        goes_on_with_events(client)


def test_a_ticket_that_was_changed_is_refused_and_stays_good(started: Item) -> None:
    raw = urlsafe_b64decode(of(started) + "==")
    for at in (0, 20, -1):
        forged = bytearray(raw)
        forged[at] ^= 1
        is_refused(with_ticket(started["url"], urlsafe_b64encode(forged).decode().rstrip("=")))
    for other in ("", "hello", "x" * 1_000, "%00"):
        is_refused(with_ticket(started["url"], other))
    lets_in(started)


def test_a_ticket_of_another_deployment_is_refused(started: Item) -> None:
    """It names a stream that waits here, and the signature is another key's."""
    unsigned = urlsafe_b64decode(of(started) + "==")[:-16]
    is_refused(with_ticket(started["url"], urlsafe_b64encode(unsigned + secrets.token_bytes(16)).decode().rstrip("=")))
    lets_in(started)


def test_a_ticket_is_good_for_a_minute(cloud: LocalCloud, started: Item) -> None:
    with redis.Redis.from_url(patient_url(cloud.said["redis"])) as store:
        (name,) = [each for each in store.scan_iter("*:records:*", 1_000) if store.hexists(each, started["stream_id"])]
        state, until_us, *more = store.hget(name, started["stream_id"]).split()
        past = str(int(until_us) - WAITING_US).encode()
        store.hset(name, started["stream_id"], b" ".join([state, past, *more]))
    is_refused(started["url"])


def test_a_flood_is_answered_by_one_status_and_then_the_client_is_heard_again(client: ClientConnection) -> None:
    for _ in range(3 * HEARD_BURST):
        client.send('{"action":"ping"}')
    until(client, "error", "too many messages")
    while True:
        client.send('{"action":"subscribe","params":"T.AAPL"}')
        try:
            while json.loads(client.recv(timeout=0.1))[0]["message"] != "subscribed to: T.AAPL":
                pass
        except TimeoutError:
            # One message too many, or no answer yet: what is sent once more does no harm.
            continue
        break
