"""Other Dekr modules announce the tickers that their users will read: over HTTP and by an event."""

import json
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest

from dekr.access.principal import Role
from dekr.market.demand.preferences import MAX_OF_A_USER
from dekr.market.demand.record import MAX_PREFERRED, NO_FLOOR
from dekr.models.preferences import PreferredSymbols, Unpreferred
from dekr.times import rfc3339
from tests.shapes import shaped
from tests.world import Answer, Context, World, load

PATH = "/preferences/symbols"
EVENT = json.loads((Path(__file__).parents[3] / "events/preferences-event.json").read_text())


@pytest.fixture
def module(world: World) -> str:
    """The key of another Dekr module."""
    return world.key(5, "preferences", Role.SERVICE)


def expected(world: World) -> dict[str, float]:
    """Return the expected requests an hour by ticker."""
    return {each.ticker: round(each.rate * 3600, 3) for each in world.services.demand.forecast(NO_FLOOR).tickers}


def by_event(world: World, detail: Any) -> dict[str, Any]:
    function = load("preferences")
    function.edge._wire = lambda: world.services
    answer: dict[str, Any] = function.handler({**EVENT, "detail": detail}, Context())
    return answer


def post(world: World, key: str, **body: Any) -> Answer:
    return world.post(PATH, key, body)


def test_what_is_preferred_is_expected_until_then_without_a_call(world: World, module: str) -> None:
    answer = post(world, module, symbols=["AAPL", "brk.b", "AAPL"], weight=20, until="2026-11-20T16:00:00Z")
    assert shaped(PreferredSymbols, answer) == {
        "symbols": ["AAPL", "BRK.B"],
        "weight": 20,
        "until": "2026-11-20T16:00:00Z",
        "preferred": 2,
    }
    assert expected(world) == {"AAPL": 20, "BRK.B": 20}
    world.later(3_601)
    assert expected(world) == {}
    assert world.upstream.calls == []


def test_without_weight_and_end_it_is_ten_an_hour_for_three_days(world: World, module: str) -> None:
    answer = post(world, module, symbols=["AAPL"]).json
    assert answer["weight"] == 10
    assert answer["until"][:16] == rfc3339((world.services.now_us() + 3 * 86_400_000_000) * 1000)[:16]
    assert expected(world) == {"AAPL": 10}


def test_a_day_as_end_is_the_last_one_in_new_york(world: World, module: str) -> None:
    answer = post(world, module, symbols=["AAPL"], until="2026-11-20")
    assert answer.json["until"] == "2026-11-21T05:00:00Z"
    world.to("2026-11-20T15:00:00Z")
    assert post(world, module, symbols=["AAPL"], until="2026-12-20").json["until"] == "2026-12-21T05:00:00Z"
    for never in ("2026-12-21", "2026-11-19", "9999-12-31", "0001-01-01"):
        refused = post(world, module, symbols=["AAPL"], until=never)
        assert (refused.status, refused.json["field"]) == (422, "until"), never


def test_said_again_it_takes_the_place_of_what_was_said_before(world: World, module: str) -> None:
    post(world, module, symbols=["AAPL", "MSFT"], weight=20)
    assert post(world, module, symbols=["AAPL"], weight=5).json["preferred"] == 2
    assert expected(world) == {"AAPL": 5, "MSFT": 20}


def test_it_can_be_taken_back(world: World, module: str) -> None:
    post(world, module, symbols=["AAPL", "MSFT"])
    answer = world.send("DELETE", f"{PATH}/AAPL", module)
    assert shaped(Unpreferred, answer) == {"symbol": "AAPL", "preferred": 1}
    assert expected(world) == {"MSFT": 10}
    assert world.send("DELETE", f"{PATH}/AAPL", module).json == {"symbol": "AAPL", "preferred": 1}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_it_is_for_other_modules_and_admins_only(world: World, method: str) -> None:
    path, body = (PATH, b'{"symbols": ["AAPL"]}') if method == "POST" else (f"{PATH}/AAPL", None)
    for role, status in ((Role.USER, 403), (Role.SERVICE, 200), (Role.ADMIN, 200)):
        answer = world.send(method, path, world.key(7, role, role), body=body)
        assert answer.status == status
        assert status == 200 or answer.json["code"] == "role_required"
        assert status == 200 or answer.json["detail"] == "This needs a key with the role service or admin."
        assert status == 200 or expected(world) == {}
    assert world.send(method, path, body=body).status == 401


BAD: list[tuple[Any, str, str]] = [
    ({}, "symbols", "is required"),
    ({"symbols": "AAPL"}, "symbols", "must be an array of ticker symbols"),
    ({"symbols": ["AAPL", 5]}, "symbols", "must be an array of ticker symbols"),
    ({"symbols": []}, "symbols", "must name 1 to 1000 symbols; there are 0"),
    ({"symbols": ["AAPL"] * 1001}, "symbols", "must name 1 to 1000 symbols; there are 1001"),
    ({"symbols": ["MSFT", "A PL"]}, "symbols", '"A PL" must be the ticker of a US stock'),
    ({"symbols": ["O:AAPL"]}, "symbols", '"O:AAPL" must be the ticker of a US stock'),
    ({"symbols": ["AAPL"], "weight": 0}, "weight", "must be at least 1"),
    ({"symbols": ["AAPL"], "weight": 101}, "weight", "must be at most 100"),
    ({"symbols": ["AAPL"], "weight": "5"}, "weight", "must be a whole number"),
    ({"symbols": ["AAPL"], "weight": 1.5}, "weight", "must be a whole number"),
    ({"symbols": ["AAPL"], "weight": True}, "weight", "must be a whole number"),
    ({"symbols": ["AAPL"], "until": "soon"}, "until", "must be a day (YYYY-MM-DD) or a moment in RFC 3339"),
    ({"symbols": ["AAPL"], "until": 1_795_000_000}, "until", "must be text"),
    (
        {"symbols": ["AAPL"], "until": "2026-11-20T15:00:00"},
        "until",
        "must be a day (YYYY-MM-DD) or a moment in RFC 3339",
    ),
    ({"symbols": ["AAPL"], "until": "2026-11-20T14:59:59Z"}, "until", "must be in the future, at most 30 days ahead"),
    ({"symbols": ["AAPL"], "until": "2026-12-21T15:00:00Z"}, "until", "must be in the future, at most 30 days ahead"),
    ({"symbols": ["AAPL"], "colour": "red"}, "colour", "is not a field of this body"),
]


@pytest.mark.parametrize(("body", "field", "rule"), BAD, ids=[json.dumps(body)[:60] for body, _, _ in BAD])
def test_a_body_that_breaks_a_rule_changes_nothing(
    world: World, module: str, capsys: pytest.CaptureFixture[str], body: Any, field: str, rule: str
) -> None:
    answer = world.post(PATH, module, body)
    assert (answer.status, answer.json["field"]) == (422, field)
    assert answer.json["detail"].startswith(f"{field}: {rule}")
    capsys.readouterr()
    assert by_event(world, body)["detail"] == answer.json["detail"]
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["error"], line["detail"]) == ("WARNING", answer.json["code"], answer.json["detail"])
    assert expected(world) == {}
    assert world.upstream.calls == []


def test_each_preference_is_also_that_of_the_user_for_whom_it_is_set(world: World, module: str) -> None:
    preferences = world.services.preferences
    for headers, symbol in (({"x-dekr-user": "ann"}, "AAPL"), ({"x-dekr-user": "bob"}, "MSFT"), ({}, "IBM")):
        world.key(5, headers.get("x-dekr-user", "preferences"))
        assert world.post(PATH, module, {"symbols": [symbol]}, headers=headers).status == 200
    by_event(world, {"symbols": ["TSLA"], "user": "ann"})
    by_event(world, {"symbols": ["NVDA"]})
    assert preferences.of_user("ann", 10) == ["TSLA", "AAPL"]
    assert preferences.of_user("bob", 10) == ["MSFT"]
    assert preferences.of_user("preferences", 10) == ["IBM"]
    assert set(expected(world)) == {"AAPL", "MSFT", "IBM", "TSLA", "NVDA"}


@pytest.mark.parametrize("user", ["jwt:ann", "a\nb", "x" * 129, 5])
def test_an_event_for_who_can_be_no_user_is_logged_and_changes_nothing(world: World, user: Any) -> None:
    assert by_event(world, {"symbols": ["AAPL"], "user": user})["error"] == "invalid_input"
    assert expected(world) == {}


def test_the_preferred_symbols_of_a_user_are_bounded(world: World) -> None:
    preferences, until_us = world.services.preferences, world.services.now_us() + 3_600_000_000
    names = [f"{a}{b}{c}" for a in ascii_uppercase for b in ascii_uppercase for c in "AB"]
    preferences.add("ann", names[:1_000], 1, until_us)
    preferences.add("ann", names[1_000:1_010], 1, until_us + 1)
    kept = preferences.of_user("ann", 2_000)
    assert len(kept) == MAX_OF_A_USER
    assert set(names[1_000:1_010]) <= set(kept[:10])


@pytest.mark.parametrize("detail", [None, [], "AAPL", 5])
def test_an_event_without_an_object_is_logged_and_changes_nothing(world: World, detail: Any) -> None:
    assert by_event(world, detail)["error"] == "invalid_input"
    assert expected(world) == {}


def test_a_list_is_no_object_whatever_is_in_it(world: World, module: str) -> None:
    bodies: tuple[Any, ...] = ([{"symbols": ["AAPL"]}], [], [[]])
    for body in bodies:
        answer = world.post(PATH, module, body)
        assert (answer.status, answer.json["field"]) == (422, "body")
        assert answer.json["detail"] == 'body: must be an object {"symbols": [...]}'
    assert expected(world) == {}


def test_a_query_that_the_route_does_not_have_changes_nothing(world: World, module: str) -> None:
    assert world.post(f"{PATH}?tier=1", module, {"symbols": ["AAPL"]}).status == 422
    assert world.send("DELETE", f"{PATH}/AAPL?all=true", module).status == 422
    assert expected(world) == {}


def test_the_recorded_event_does_the_same_as_the_request(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    by_event(world, EVENT["detail"])
    assert expected(world) == {"AAPL": 20, "MSFT": 20}
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["service"], line["event_id"], line["preferred"]) == (
        "INFO",
        "preferences",
        EVENT["id"],
        2,
    )


def test_there_is_room_for_so_many_and_what_is_over_frees_it(world: World, module: str) -> None:
    names = [f"{a}{b}{c}" for a in "ABCDEFGHIJKLMNOPQR" for b in "ABCDEFGHIJKLMNOPQR" for c in "ABCDEFGHIJKLMNOPQR"]
    for start in range(0, MAX_PREFERRED, 1_000):
        assert post(world, module, symbols=names[start : start + 1_000], until="2026-11-20T16:00:00Z").status == 200
    refused = post(world, module, symbols=["ZZZ"])
    assert (refused.status, refused.json["field"]) == (422, "symbols")
    assert str(MAX_PREFERRED) in refused.json["detail"]
    assert "ZZZ" not in expected(world)
    assert post(world, module, symbols=names[:1], weight=99).status == 200
    world.later(3_601)
    assert post(world, module, symbols=["ZZZ"]).json["preferred"] == 2
