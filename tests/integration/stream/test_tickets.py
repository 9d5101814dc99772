"""Tickets are good once, for a minute, and for nobody who made them up."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Barrier

import pytest

from dekr.store.link import Link
from dekr.stream.pairs import Channel
from dekr.stream.ports import Subscriber
from dekr.stream.started.records import MAX_STREAMS, WAITING_US, StreamRecords, StreamSpec, StreamState, owner_of
from dekr.stream.started.tickets import MAX_LENGTH, Redeemed, Tickets
from dekr.stream.started.wish import Wish
from dekr.tiers import Tier
from tests.patience import patient
from tests.redis_servers import RedisServer
from tests.still_link import StillLink

SECRET = "a fake secret of many characters"
ANN, BOB = owner_of("ann"), owner_of("bob")
STREAM = f"{7:024x}"
WISH = Wish((Channel.TRADES, Channel.MINUTES), ("AAPL", "BRK.B"))
SPEC = StreamSpec(Subscriber("ann", Tier(5), "key1", 1_795_000_000_000), WISH)


@pytest.fixture
def records(link: Link) -> StreamRecords:
    link.clock_offset_us = 0
    return StreamRecords(link)


@pytest.fixture
def tickets(records: StreamRecords) -> Tickets:
    return Tickets.signed_with(SECRET, records)


@pytest.fixture
def ticket(tickets: Tickets) -> str:
    """The ticket of Ann's stream, which waits."""
    tickets.records.start(ANN, STREAM, SPEC)
    return tickets.issue(ANN, STREAM)


def later(records: StreamRecords, us: int) -> None:
    assert isinstance(records.store, StillLink)
    records.store.clock.at_us += us


def test_a_ticket_gives_its_stream_once(tickets: Tickets, ticket: str) -> None:
    found = tickets.redeem(ticket, "c1=")
    assert found == Redeemed(SPEC.subscriber, WISH.pairs, snapshot=False)
    assert [str(pair) for pair in found.pairs] == ["T.AAPL", "T.BRK.B", "AM.AAPL", "AM.BRK.B"]
    assert tickets.redeem(ticket, "c2=") is None
    assert tickets.redeem(ticket, "c1=") == found, "the store may be asked twice by one connection"
    record = tickets.records.read(ANN, STREAM)
    assert record is not None
    assert (record.state, record.connection) == (StreamState.CONNECTED, "c1=")


def test_of_many_connections_that_show_a_ticket_at_once_one_gets_the_stream(
    redis: RedisServer, tickets: Tickets, ticket: str
) -> None:
    def redeem(number: int) -> Redeemed | None:
        with closing(patient(Link.open(redis.url))) as link:
            # The others' links have the machine's clock, so this one's is set to the same moment.
            link.clock_offset_us = tickets.records.store.clock_offset_us
            barrier.wait()
            return Tickets.signed_with(SECRET, StreamRecords(link)).redeem(ticket, f"c{number}=")

    barrier = Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(redeem, range(8)))
    assert sum(each is not None for each in found) == 1


def test_a_ticket_is_good_for_a_minute(tickets: Tickets, ticket: str) -> None:
    later(tickets.records, WAITING_US - 1_000)
    other = f"{8:024x}"
    tickets.records.start(ANN, other, replace(SPEC, wish=replace(WISH, snapshot=True)))
    found = tickets.redeem(tickets.issue(ANN, other), "c1=")
    assert found is not None
    assert found.snapshot
    later(tickets.records, 1_000)
    assert tickets.redeem(ticket, "c2=") is None
    record = tickets.records.read(ANN, STREAM)
    assert record is not None
    assert record.state is StreamState.ENDED


def test_what_was_not_signed_here_is_no_ticket(tickets: Tickets, ticket: str) -> None:
    foreign = Tickets.signed_with(SECRET + "!", tickets.records).issue(ANN, STREAM)
    swapped = [ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1 :] for at in range(len(ticket))]
    others = ["", "A", "A" * MAX_LENGTH, "A" * 100_000, "é" * MAX_LENGTH, "!" * MAX_LENGTH, "\0" * MAX_LENGTH]
    for each in (foreign, ticket + "=", ticket + "A", ticket[:-1], f" {ticket}", *swapped, *others):
        assert tickets.redeem(each, "c1=") is None, each[:99]
    assert tickets.redeem(ticket, "c1=") is not None


def test_a_ticket_of_a_stream_that_is_not_there(tickets: Tickets, ticket: str) -> None:
    assert tickets.redeem(tickets.issue(BOB, STREAM), "c1=") is None
    assert tickets.records.end(BOB, STREAM) is None
    assert tickets.records.read(BOB, STREAM) is None
    assert tickets.records.end(ANN, STREAM) == ""
    assert tickets.redeem(ticket, "c1=") is None
    assert tickets.redeem(tickets.issue(ANN, f"{8:024x}"), "c1=") is None


def test_an_order_changes_only_while_it_waits_and_nobody_was_faster(tickets: Tickets, ticket: str) -> None:
    records, more = tickets.records, replace(SPEC, wish=replace(WISH, symbols=("AAPL", "MSFT")))
    before = records.read(ANN, STREAM)
    assert before is not None
    assert records.amend(ANN, STREAM, before, more)
    assert records.amend(ANN, STREAM, before, more), "the command may be sent again"
    assert not records.amend(ANN, STREAM, before, SPEC)
    found = tickets.redeem(ticket, "c1=")
    assert found is not None
    assert found.pairs == more.wish.pairs
    assert not records.amend(ANN, STREAM, replace(before, text=more.to_text()), SPEC)


def test_the_records_of_a_user_are_bounded_and_expire(tickets: Tickets, ticket: str, redis: RedisServer) -> None:
    records = tickets.records
    tickets.redeem(ticket, "c1=")
    streams = [f"{number:024x}" for number in range(100, 100 + MAX_STREAMS)]
    for stream in streams:
        records.start(ANN, stream, SPEC)
    with redis.client() as client:
        held = {name: client.hlen(name) for name in client.scan_iter("*")}
        assert held == {f"dekr:{{stream}}:{part}:{ANN.hex()}": MAX_STREAMS for part in ("records", "specs")}
        assert all(client.pttl(name) > 0 for name in held)
    assert records.read(ANN, streams[0]) is None, "the oldest of those that wait makes room"
    found = records.read(ANN, STREAM)
    assert found is not None
    assert found.state is StreamState.CONNECTED


def test_those_that_have_ended_make_room_first_and_are_forgotten_in_the_end(tickets: Tickets, ticket: str) -> None:
    records = tickets.records
    for number in range(100, 99 + MAX_STREAMS):
        records.start(ANN, f"{number:024x}", SPEC)
    records.end(ANN, f"{110:024x}")
    records.start(ANN, f"{99:024x}", SPEC)
    assert records.read(ANN, f"{110:024x}") is None
    assert records.read(ANN, STREAM) is not None
    later(records, 3_600_000_000)
    records.start(ANN, f"{98:024x}", SPEC)
    assert records.read(ANN, STREAM) is None
    assert tickets.redeem(ticket, "c1=") is None
