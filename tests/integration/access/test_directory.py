"""The directory of keys in DynamoDB, and the contract that the fake directory shares with it."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from dekr.access.directory import DynamoKeyDirectory, KeyRecord, dynamo_directory
from dekr.access.principal import Role
from dekr.errors import DekrError, Unavailable
from dekr.tiers import Tier
from tests.fakes.directory import FakeDirectory
from tests.integration.access.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def record(key_id: str, user: str = "demo", tier: int = 5, role: Role = Role.USER) -> KeyRecord:
    return KeyRecord(
        id=key_id,
        hash="ab" * 32,
        user=user,
        tier=Tier(tier),
        role=role,
        status="active",
        created="2026-11-20T15:00:00+00:00",
    )


@pytest.fixture(params=["dynamodb", "fake"])
def directory(request: pytest.FixtureRequest) -> Any:
    return FakeDirectory() if request.param == "fake" else request.getfixturevalue("dynamo_keys")


def test_a_record_comes_back_as_it_was_put(directory: Any) -> None:
    for kept in (record("id1"), record("id2", "Ünï {x}", 1, Role.ADMIN)):
        directory.put(kept)
        assert directory.find(kept.id) == kept
    assert directory.find("id3") is None


def test_a_revoked_key_stays_and_says_so(directory: Any) -> None:
    directory.put(record("id1"))
    directory.revoke("id1")
    assert directory.find("id1") == record("id1").model_copy(update={"status": "revoked"})


def test_a_users_tier_is_the_highest_of_their_active_keys(directory: Any) -> None:
    for kept in (record("id1", tier=2), record("id2", tier=6), record("id3", tier=4), record("id4", "other", 7)):
        directory.put(kept)
    assert directory.tier_of("demo") is Tier.ALGORITHMIC_TRADER
    directory.revoke("id2")
    assert directory.tier_of("demo") is Tier.WEEKEND_WARRIOR
    directory.revoke("id4")
    assert directory.tier_of("other") is None
    assert directory.tier_of("nobody") is None


def test_many_keys_are_read_at_once_and_unknown_ones_left_out(directory: Any) -> None:
    kept = {f"id{number}": record(f"id{number}", tier=1 + number % 7) for number in range(230)}
    for each in kept.values():
        directory.put(each)
    directory.revoke("id7")
    found = directory.find_many([*kept, "id230", "id1"])
    assert found == kept | {"id7": record("id7", tier=1).model_copy(update={"status": "revoked"})}
    assert directory.find_many([]) == {}


def test_of_many_keys_a_broken_record_is_left_out(dynamodb: "DynamoDBClient", dynamo_keys: DynamoKeyDirectory) -> None:
    dynamo_keys.put(record("id1"))
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "id2"}, "tier": {"N": "8"}})
    assert dynamo_keys.find_many(["id1", "id2"]) == {"id1": record("id1")}


def test_a_broken_record_takes_the_tier_of_their_other_keys_from_nobody(
    dynamodb: "DynamoDBClient", dynamo_keys: DynamoKeyDirectory
) -> None:
    dynamo_keys.put(record("id1"))
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "id2"}, "user": {"S": "demo"}, "tier": {"N": "8"}})
    assert dynamo_keys.tier_of("demo") is record("id1").tier


class Overloaded:
    """A client of DynamoDB that leaves out all but one key of each batch, ``rounds`` times."""

    def __init__(self, client: "DynamoDBClient", rounds: int) -> None:
        self.client = client
        self.rounds = rounds

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        if not self.rounds:
            return self.client.batch_get_item(RequestItems=RequestItems)
        self.rounds -= 1
        keys = RequestItems[TABLE]["Keys"]
        first: Any = {TABLE: {**RequestItems[TABLE], "Keys": keys[:1]}}
        answer = self.client.batch_get_item(RequestItems=first)
        left = {TABLE: {**RequestItems[TABLE], "Keys": keys[1:]}} if keys[1:] else {}
        return {**answer, "UnprocessedKeys": left}


def test_what_a_batch_leaves_out_is_read_again_but_not_without_end(
    dynamodb: "DynamoDBClient", dynamo_keys: DynamoKeyDirectory
) -> None:
    kept = {f"id{number}": record(f"id{number}") for number in range(9)}
    for each in kept.values():
        dynamo_keys.put(each)
    loaded: Any = Overloaded(dynamodb, 2)
    assert DynamoKeyDirectory(loaded, TABLE).find_many(kept) == kept
    loaded.rounds = 8
    with pytest.raises(Unavailable) as refused:
        DynamoKeyDirectory(loaded, TABLE).find_many(kept)
    assert refused.value.code == "directory_unavailable"


def test_an_id_is_never_given_twice_and_only_what_exists_is_revoked(dynamo_keys: DynamoKeyDirectory) -> None:
    dynamo_keys.put(record("id1"))
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamo_keys.put(record("id1", "other"))
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamo_keys.revoke("id2")
    assert dynamo_keys.find("id1") == record("id1")
    assert dynamo_keys.find("id2") is None


def test_attributes_that_others_add_do_no_harm(dynamodb: "DynamoDBClient", dynamo_keys: DynamoKeyDirectory) -> None:
    dynamo_keys.put(record("id1"))
    item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "id1"}})["Item"]
    dynamodb.put_item(TableName=TABLE, Item={**item, "note": {"L": [{"N": "1.5"}]}, "score": {"N": "1.5"}})
    assert dynamo_keys.find("id1") == record("id1")


@pytest.mark.parametrize(
    "broken",
    [
        {"hash": {"S": "short"}},
        {"tier": {"N": "8"}},
        {"tier": {"N": "1.5"}},
        {"tier": {"BOOL": True}},
        {"role": {"S": "boss"}},
        {"status": {"S": "maybe"}},
        {"user": {"NULL": True}},
        {"user": {"S": "jwt:0123:anna"}},
    ],
)
def test_a_broken_record_is_nobodys_key_and_says_what_is_wrong(
    dynamodb: "DynamoDBClient", dynamo_keys: DynamoKeyDirectory, broken: dict[str, Any]
) -> None:
    dynamo_keys.put(record("id1"))
    item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "id1"}})["Item"]
    dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "id1"}})
    # An index takes no NULL: such a record has no user at all.
    changed = {name: value for name, value in {**item, **broken}.items() if "NULL" not in value}
    dynamodb.put_item(TableName=TABLE, Item=changed)
    with pytest.raises(DekrError) as refused:
        dynamo_keys.find("id1")
    assert (refused.value.status, refused.value.code) == (500, "broken_key_record")
    assert "ab" * 32 not in refused.value.detail


def test_a_directory_that_cannot_be_reached_or_refuses_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, dynamodb: "DynamoDBClient"
) -> None:
    with pytest.raises(Unavailable) as refused:
        DynamoKeyDirectory(dynamodb, "no-such-table").find("id1")
    assert refused.value.code == "directory_unavailable"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nobody listens there
    unreachable = dynamo_directory(TABLE)
    for read in (unreachable.find, unreachable.tier_of, unreachable.find_many):
        with pytest.raises(Unavailable) as refused:
            read("id1")
        assert (refused.value.code, refused.value.retry_after_s) == ("directory_unavailable", 1)


def test_it_gives_up_soon_on_a_directory_that_hangs(
    monkeypatch: pytest.MonkeyPatch, dynamodb: "DynamoDBClient"
) -> None:
    assert dynamodb
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "10")
    config: Any = dynamo_directory(TABLE).client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 1)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
