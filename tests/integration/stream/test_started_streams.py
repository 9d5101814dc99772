"""A stream from its start over HTTP to its end: routes and conversation of one sandbox, on one store."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dekr.models.streams import StartedStream, Stream
from tests.integration.stream.gateways import ID, Gateway
from tests.integration.stream.registries import pairs
from tests.shapes import shaped


@pytest.fixture
def key(gateway: Gateway) -> str:
    """The key of Ann, who may have one connection."""
    return gateway.key(5)


def start(gateway: Gateway, key: str, *symbols: str) -> Any:
    return shaped(StartedStream, gateway.world.post("/stream/start", key, symbols))


def ticket_of(started: Any) -> str:
    query: str = urlsplit(started["url"]).query
    return parse_qs(query, strict_parsing=True)["ticket"][0]


def find(gateway: Gateway, key: str, started: Any) -> Any:
    return shaped(Stream, gateway.world.get(f"/stream/{started['stream_id']}", key))


def test_a_stream_is_started_connected_changed_from_both_sides_and_left(gateway: Gateway, key: str) -> None:
    started = start(gateway, key, "AAPL", "MSFT")
    assert find(gateway, key, started)["status"] == "waiting"
    gateway.connect(ticket=ticket_of(started))
    assert gateway.connections.statuses(ID) == ["connected", "auth_success"]
    found = find(gateway, key, started)
    assert (found["status"], found["pairs"]) == ("connected", ["T.AAPL", "T.MSFT"])

    gateway.later(1)
    body = {"add": ["TSLA"], "remove": ["MSFT"]}
    changed = gateway.world.post(f"/stream/{started['stream_id']}/symbols", key, body)
    assert shaped(Stream, changed)["pairs"] == ["T.AAPL", "T.TSLA"]
    gateway.say(action="subscribe", params="Q.AAPL")
    gateway.say(action="unsubscribe", params="T.TSLA")
    assert find(gateway, key, started)["pairs"] == ["Q.AAPL", "T.AAPL"]

    gateway.leave()
    assert find(gateway, key, started)["status"] == "ended"


def test_a_change_that_overtakes_the_connect_holds(gateway: Gateway, key: str) -> None:
    started = start(gateway, key, "AAPL", "MSFT")
    gateway.begin(ticket=ticket_of(started))
    gateway.later(1)
    body = {"add": ["TSLA"], "remove": ["MSFT"]}
    assert gateway.world.post(f"/stream/{started['stream_id']}/symbols", key, body).status == 200
    gateway.connections.open(ID)
    gateway.greet()
    assert pairs(gateway.registry, ID) == {"T.AAPL", "T.TSLA"}


def test_an_ended_stream_is_closed_and_its_late_disconnect_changes_nothing(gateway: Gateway, key: str) -> None:
    started = start(gateway, key, "AAPL")
    gateway.connect(ticket=ticket_of(started))
    gateway.later(1)
    assert gateway.world.send("DELETE", f"/stream/{started['stream_id']}", key).status == 200
    assert gateway.connections.closed == [ID]
    gateway.leave()
    assert find(gateway, key, started)["status"] == "ended"
    again = start(gateway, key, "AAPL")
    gateway.connect("next=", ticket=ticket_of(again))
    assert find(gateway, key, again)["status"] == "connected"


def test_the_newest_stream_wins_where_the_tier_has_one_connection(gateway: Gateway, key: str) -> None:
    first, second = start(gateway, key, "AAPL"), start(gateway, key, "MSFT")
    gateway.connect("c1=", ticket=ticket_of(first))
    gateway.later(1)
    gateway.connect("c2=", ticket=ticket_of(second))
    assert gateway.connections.statuses("c1=")[-1] == "max_connections"
    assert [find(gateway, key, each)["status"] for each in (first, second)] == ["ended", "connected"]


def test_a_used_an_old_and_a_forged_ticket_are_refused_and_leave_the_stream_alone(gateway: Gateway, key: str) -> None:
    started = start(gateway, key, "AAPL")
    used = ticket_of(started)
    gateway.connect(ticket=used)
    late = ticket_of(start(gateway, key, "AAPL"))
    gateway.later(61)
    for number, ticket in enumerate((used, late, used[:-1] + ("A" if used[-1] != "A" else "B"), "", "x" * 10_000)):
        gateway.connect(f"bad{number}=", ticket=ticket)
        assert gateway.connections.statuses(f"bad{number}=") == ["connected", "auth_failed"], ticket[:80]
        assert gateway.connections.closed[-1] == f"bad{number}="
    assert find(gateway, key, started)["status"] == "connected"
