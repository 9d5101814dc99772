"""Whatever a client sends to the deployed stream, it gets a status of Polygon's form, and its connection goes on."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.e2e.stacks import LocalCloud
from tests.e2e.talking import Talk, new_user, talking
from tests.patience import HANG_S

FRAME = 25_000
"""Characters of a frame that the gateway takes."""

NO_ACTION = "action: must be one of"


def in_frames(text: str) -> Sequence[str]:
    return [text[at : at + FRAME] for at in range(0, len(text), FRAME)]


def message(action: str, **fields: object) -> str:
    return json.dumps({"action": action, **fields})


@pytest.fixture
def talk(cloud: LocalCloud) -> Any:
    with talking(cloud, new_user(cloud, 5).text) as made:
        yield made


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("hello", "message: must be JSON"),
        ("5", "message: must be a JSON object"),
        ('[{"action":"ping"}]', "message: must be a JSON object"),
        (message("x" * 100_000), NO_ACTION),
        (message("listen"), NO_ACTION),
        (message("$disconnect"), NO_ACTION),
        (message("subscribe", params=""), "params: "),
        (message("subscribe"), "params: "),
        (message("subscribe", params=["T.AAPL"]), "params: "),
        (message("subscribe", params=",".join(f"T.A{n}" for n in range(10_000))), "params: must name 1000 pairs"),
        (message("subscribe", params="T."), "T.: "),
        (message("subscribe", params="Z.AAPL"), "Z.AAPL: "),
        (message("subscribe", params="t.aapl"), "t.aapl: "),
        (message("subscribe", params="T.AAPL", since="mine"), "since: "),
        (message("resume", params="T.AAPL"), "since: "),
    ],
    ids=range(15),
)
def test_it_is_answered_by_one_error_and_the_connection_goes_on(talk: Talk, said: str, answer: str) -> None:
    talk.socket.send(in_frames(said))
    talk.until(lambda: talk.told("error"))
    talk.say("ping", "")
    talk.until(lambda: talk.told("success"))
    (error,) = talk.told("error")
    assert error.startswith(answer)
    assert talk.told("success") == ["pong"]


def test_a_symbol_in_small_letters_is_read_in_capitals(talk: Talk) -> None:
    talk.say("subscribe", "T.test")
    talk.until(lambda: talk.told("success") and talk.numbers("T.TEST"))
    assert talk.told("success") == ["subscribed to: T.TEST"]


def test_a_frame_of_33_kb_ends_the_connection(talk: Talk) -> None:
    talk.socket.send("x" * 33 * 1024)
    talk.to_the_end()
    assert talk.closed == 1009


def test_a_binary_frame_ends_the_connection(talk: Talk) -> None:
    talk.socket.send(b'{"action":"ping"}')
    talk.to_the_end()
    assert talk.closed == 1003


def test_another_users_key_is_refused_and_the_first_one_stays(cloud: LocalCloud, talk: Talk) -> None:
    talk.say("auth", new_user(cloud, 7).text)
    talk.until(lambda: talk.told("error"))
    assert "another user" in talk.told("error")[0]
    talk.say("subscribe", "A.*")
    talk.until(lambda: len(talk.told("error")) == 2)
    assert "tier (5)" in talk.told("error")[1]


def test_what_is_subscribed_to_before_the_sign_in_waits_for_it(cloud: LocalCloud) -> None:
    with connect(cloud.said["ws"], open_timeout=HANG_S, close_timeout=HANG_S, proxy=None) as socket:
        talk = Talk(socket)
        talk.say("subscribe", "T.TEST")
        talk.until(lambda: talk.told("auth_required"))
        talk.say("auth", new_user(cloud, 5).text)
        talk.until(lambda: talk.numbers("T.TEST"))
        words = [item["status"] for item in talk.items if item["ev"] == "status"]
    assert sorted(words[:2]) == ["auth_required", "connected"]
    assert words[2:] == ["auth_success", "success"]


def test_a_flood_is_not_answered_by_a_flood(talk: Talk) -> None:
    for _ in range(300):
        talk.say("ping", "")
    talk.until(lambda: talk.told("error"))
    assert talk.told("error")[0].startswith("too many messages")
    assert len(talk.told("success")) < 150


@pytest.mark.parametrize("kind", ["forged", "foreign", "used"])
def test_a_ticket_that_is_not_good_is_told_and_ends_the_connection(cloud: LocalCloud, kind: str) -> None:
    key = {"x-api-key": new_user(cloud, 5).text}
    started = cloud.http.post("/stream/start", json=["TEST"], headers=key).raise_for_status().json()
    url: str = started["url"]
    match kind:
        case "forged":
            url = url[:-1] + ("A" if url[-1] != "A" else "B")
        case "foreign":
            url = f"{url.split('?')[0]}?ticket=somebody-elses"
        case _:
            with connect(url, open_timeout=HANG_S, close_timeout=HANG_S, proxy=None) as socket:
                used = Talk(socket)
                used.until(lambda: used.numbers("T.TEST"))
    with connect(url, open_timeout=HANG_S, close_timeout=HANG_S, proxy=None) as socket:
        talk = Talk(socket)
        talk.to_the_end()
    assert [item["status"] for item in talk.items] == ["connected", "auth_failed"]
    assert talk.closed == 1000
