"""At most one relay holds the lease, and its epoch only grows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from dekr.errors import Unavailable
from dekr.stream.shift.lease import Held, Holder, Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TABLE = "stream"
NOW_MS = 1_795_190_400_000


@dataclass
class Clock:
    """Both clocks of a machine."""

    at_s: float = 0.0

    def monotonic(self) -> float:
        return self.at_s

    def now_ms(self) -> int:
        return NOW_MS + int(self.at_s * 1_000)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> "Iterator[DynamoDBClient]":
    """A simulated DynamoDB with the empty table."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield client


def lease(client: "DynamoDBClient", owner: str, clock: Clock) -> Lease:
    holder = Holder(owner, f"request of {owner}", "7", NOW_MS + 900_000)
    return Lease(client, TABLE, holder, clock.now_ms, clock.monotonic)


def test_one_relay_takes_it_and_others_are_told_by_whom_it_is_held(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    first, second = lease(dynamodb, "first", clock), lease(dynamodb, "second", clock)
    assert first.read() is None
    assert not first.held()
    assert first.take() is None
    held = Held(Holder("first", "request of first", "7", NOW_MS + 900_000), 1, NOW_MS + 10_000)
    assert second.take() == held
    assert second.read() == held
    assert (first.epoch, first.held()) == (1, True)
    assert (second.epoch, second.held()) == (0, False)


def test_the_epoch_grows_by_one_with_each_taking(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    for epoch in range(1, 6):
        relay = lease(dynamodb, f"relay {epoch}", clock)
        assert relay.take() is None
        assert relay.epoch == epoch
        assert relay.renew()
        assert relay.epoch == epoch
        if epoch % 2:
            relay.release()
        else:
            clock.at_s += 10.0


def test_it_lives_ten_seconds_after_a_renewal_and_its_holder_believes_in_it_for_six(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    first, second = lease(dynamodb, "first", clock), lease(dynamodb, "second", clock)
    first.take()
    clock.at_s = 5.9
    assert first.held()
    assert first.renew()
    clock.at_s = 11.8
    assert first.held()
    clock.at_s = 11.9
    assert not first.held()
    clock.at_s = 15.8
    assert second.take() is not None
    clock.at_s = 15.9
    assert second.read() is None
    assert second.take() is None
    assert second.epoch == 2


def test_who_lost_it_cannot_renew_or_release_it(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    first, second = lease(dynamodb, "first", clock), lease(dynamodb, "second", clock)
    first.take()
    clock.at_s = 10.0
    second.take()
    assert not first.renew()
    assert not first.held()
    first.release()
    held = second.read()
    assert held is not None
    assert (held.holder.owner, held.epoch) == ("second", 2)


def test_a_late_holder_that_nobody_followed_goes_on(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    relay = lease(dynamodb, "relay", clock)
    relay.take()
    clock.at_s = 8.0
    assert not relay.held()
    assert relay.renew()
    assert relay.held()


def test_a_released_lease_is_free_at_once_and_keeps_its_epoch(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    first, second = lease(dynamodb, "first", clock), lease(dynamodb, "second", clock)
    first.take()
    first.release()
    assert not first.held()
    assert second.read() is None
    assert second.take() is None
    assert second.epoch == 2
    assert not first.renew() and not first.held()


def test_a_taking_that_was_sent_twice_is_one(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    sent, again = lease(dynamodb, "relay", clock), lease(dynamodb, "relay", clock)
    assert sent.take() is None
    assert again.take() is None
    assert (again.epoch, again.held()) == (1, True)


def test_the_time_of_a_renewal_counts_from_before_it_was_sent(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    relay = lease(dynamodb, "relay", clock)
    relay.take()

    def slow_now_ms() -> int:
        clock.at_s += 4.0
        return clock.now_ms()

    relay.now_ms = slow_now_ms
    relay.renew()
    clock.at_s += 1.9
    assert relay.held()
    clock.at_s += 0.1
    assert not relay.held()


def test_a_table_out_of_reach_is_said_and_the_lease_lasts_as_long_as_it_may() -> None:
    clock = Clock()
    nowhere = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
        config=Config(retries={"total_max_attempts": 1}),
    )
    relay = lease(nowhere, "relay", clock)
    for method in (relay.take, relay.renew, relay.read, relay.release):
        with pytest.raises(Unavailable) as raised:
            method()
        assert raised.value.fault == "the table of the lease: EndpointConnectionError"
    assert not relay.held()


def test_a_failed_renewal_takes_nothing_from_what_is_left(dynamodb: "DynamoDBClient") -> None:
    clock = Clock()
    relay = lease(dynamodb, "relay", clock)
    relay.take()
    dynamodb.delete_table(TableName=TABLE)
    with pytest.raises(Unavailable):
        relay.renew()
    assert relay.held()
    clock.at_s = 6.0
    assert not relay.held()
