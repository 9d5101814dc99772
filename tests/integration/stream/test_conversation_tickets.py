"""A stream that was started over HTTP begins when its client connects, with no message of the client's."""

import json
from collections.abc import Callable
from typing import Final

import pytest

from dekr.stream.conversation.turn import Outcome
from dekr.stream.ports import State
from dekr.stream.started.records import WAITING_US, StreamSpec, owner_of
from dekr.stream.started.tickets import Tickets
from dekr.stream.statuses import AUTHENTICATED, CONNECTED
from tests.integration.stream.gateways import ID, Gateway
from tests.integration.stream.registries import changes, pairs

STREAM: Final = f"{7:024x}"


def ticket_of(gateway: Gateway, user: str = "ann", tier: int = 5, stream_id: str = STREAM) -> str:
    spec = StreamSpec.parse(json.dumps([user, tier, "key1", None, ["T"], ["AAPL", "MSFT"], True]))
    gateway.tickets.records.start(owner_of(user), stream_id, spec)
    return gateway.tickets.issue(owner_of(user), stream_id)


def test_a_ticket_streams_with_no_further_message(gateway: Gateway) -> None:
    turn = gateway.connect(ticket=ticket_of(gateway))

    assert turn.status == 200
    assert gateway.connections.items(ID) == [CONNECTED, AUTHENTICATED]
    assert len(gateway.connections.frames[ID]) == 2
    assert pairs(gateway.registry, ID) == {"T.AAPL", "T.MSFT"}
    assert [change.snapshot for change in changes(gateway.registry)] == [True]
    assert gateway.wakes == 1
    heard = gateway.registry.look_up(ID)
    assert heard.state is State.LISTENING
    assert heard.subscriber is not None and heard.subscriber.user == "ann"


def test_the_line_of_the_greeting_says_whose_stream_begins(gateway: Gateway) -> None:
    gateway.begin(ticket=ticket_of(gateway))
    gateway.connections.open(ID)
    facts = gateway.greet().facts()
    assert (facts["event"], facts["user"], facts["tier"]) == ("GREETING", "ann", "5")


def test_nothing_is_delivered_before_the_greeting(gateway: Gateway) -> None:
    gateway.begin(ticket=ticket_of(gateway))
    assert gateway.registry.look_up(ID).state is State.ADMITTED
    assert changes(gateway.registry) == []
    assert gateway.wakes == 0


def test_a_client_with_a_ticket_may_say_more(gateway: Gateway) -> None:
    gateway.connect(ticket=ticket_of(gateway))
    gateway.connections.take(ID)
    assert gateway.say(action="subscribe", params="Q.AAPL") == []
    assert gateway.say(action="auth", params=gateway.key(5)) == [AUTHENTICATED]
    assert pairs(gateway.registry, ID) == {"T.AAPL", "T.MSFT", "Q.AAPL"}


def used(gateway: Gateway) -> str:
    ticket = ticket_of(gateway)
    gateway.connect("c0", ticket=ticket)
    return ticket


def expired(gateway: Gateway) -> str:
    ticket = ticket_of(gateway)
    gateway.later(WAITING_US / 1_000_000 + 1)
    return ticket


def ended(gateway: Gateway) -> str:
    ticket = ticket_of(gateway)
    gateway.tickets.records.end(owner_of("ann"), STREAM)
    return ticket


def forged(gateway: Gateway) -> str:
    ticket = ticket_of(gateway)
    return ticket[:-1] + ("A" if ticket[-1] != "A" else "B")


def foreign(gateway: Gateway) -> str:
    """Signed with the secret of another deployment."""
    ticket_of(gateway)
    other = Tickets.signed_with("another fake secret of many characters", gateway.tickets.records)
    return other.issue(owner_of("ann"), STREAM)


@pytest.mark.parametrize("make", [used, expired, ended, forged, foreign, lambda _: "", lambda _: "\u00e9" * 9_000])
def test_a_ticket_that_is_not_good_fails_and_the_connection_is_closed(
    gateway: Gateway, make: Callable[[Gateway], str]
) -> None:
    assert gateway.connect(ticket=make(gateway)).status == 200, "a client would try a refused handshake without end"

    assert gateway.connections.statuses(ID) == ["connected", "auth_failed"]
    assert gateway.connections.closed == [ID]
    assert gateway.registry.look_up(ID).state is State.GONE


def test_a_ticket_takes_the_place_of_the_oldest_connection(gateway: Gateway) -> None:
    gateway.sign_in("c0", tier=5)

    gateway.connect(ticket=ticket_of(gateway))

    assert gateway.connections.statuses("c0") == ["max_connections"]
    assert gateway.connections.closed == ["c0"]
    assert gateway.connections.statuses(ID) == ["connected", "auth_success"]


def test_a_connection_whose_place_was_taken_during_its_connect_does_not_stay(gateway: Gateway) -> None:
    gateway.begin("c0", ticket=ticket_of(gateway))
    gateway.begin(ticket=ticket_of(gateway, stream_id=f"{8:024x}"))
    assert gateway.connections.closed == [], "nothing can be done to a connection that is not there yet"
    gateway.connections.open("c0")
    gateway.connections.open(ID)

    assert [gateway.greet().outcome for _ in range(2)] == [Outcome.UNKNOWN, Outcome.DONE]

    assert gateway.connections.statuses("c0") == ["force_disconnect"]
    assert gateway.connections.closed == ["c0"]
    assert gateway.connections.statuses(ID) == ["connected", "auth_success"]


def test_a_ticket_is_refused_where_connections_were_replaced_too_often(gateway: Gateway) -> None:
    for i in range(6):
        gateway.sign_in(f"c{i}", tier=5)

    gateway.connect(ticket=ticket_of(gateway))

    assert gateway.connections.statuses(ID) == ["connected", "max_connections"]
    assert gateway.connections.closed[-1] == ID
    assert gateway.registry.look_up("c5").state is State.LISTENING


def test_a_greeting_that_is_handled_again_changes_nothing(gateway: Gateway) -> None:
    gateway.begin(ticket=ticket_of(gateway))
    gateway.connections.open(ID)
    (greeting,) = gateway.greetings
    gateway.greet()

    assert gateway.conversation.handle(greeting).outcome is Outcome.REPEATED
    assert gateway.connections.statuses(ID) == ["connected", "auth_success"]
