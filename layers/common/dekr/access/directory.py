"""The records of API keys in DynamoDB.

The table has the key ``id`` and an index ``by_user`` on ``user``. An item: id, hash (SHA-256 of the key's text, hex),
user, tier, role, status (active or revoked), created (RFC 3339).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dekr.access.principal import USER_RULE, Role, is_user
from dekr.errors import DekrError, Unavailable
from dekr.tiers import Tier

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ACTIVE: Final = "active"
REVOKED: Final = "revoked"
CONNECT_S: Final = 1
READ_S: Final = 1

BATCH: Final = 100
"""The most items in one batch read (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""

_ROUNDS: Final = 5
"""So often is asked for what a batch read left out, which it may do under load."""


def _users_name(name: str) -> str:
    if not is_user(name):
        raise ValueError(USER_RULE)
    return name


class KeyRecord(BaseModel):
    """The record of one API key. ``hash``: SHA-256 of its text in hex. ``created``: RFC 3339."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    user: Annotated[str, AfterValidator(_users_name)]
    tier: Tier
    role: Role
    status: Literal["active", "revoked"]
    created: str


class KeyDirectory(Protocol):
    """The directory in which API keys are looked up."""

    def find(self, key_id: str) -> KeyRecord | None:
        """Read the record of a key as it is now; None for an unknown id. Raises Unavailable; DekrError for a broken record."""
        ...

    def find_many(self, key_ids: Collection[str]) -> dict[str, KeyRecord]:
        """Read the records of several keys as they are now. Unknown ids and broken records, which are nobody's keys, are left out.
        Raises Unavailable.
        """
        ...

    def tier_of(self, user: str) -> Tier | None:
        """Read the highest tier of a user's active keys; None for a user without one. Broken records, which are nobody's keys, are
        left out. Raises Unavailable.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class DynamoKeyDirectory:
    """A KeyDirectory in a DynamoDB table."""

    client: "DynamoDBClient"
    table: str

    def find(self, key_id: str) -> KeyRecord | None:
        """Read the record of a key as it is now; None for an unknown id. Raises Unavailable; DekrError for a broken record."""
        with _reading():
            answer = self.client.get_item(TableName=self.table, Key={"id": {"S": key_id}}, ConsistentRead=True)
        return _record(answer["Item"]) if "Item" in answer else None

    def find_many(self, key_ids: Collection[str]) -> dict[str, KeyRecord]:
        """Read the records of several keys as they are now. Unknown ids and broken records, which are nobody's keys, are left out.
        Raises Unavailable.
        """
        found: dict[str, KeyRecord] = {}
        for ids in batched(dict.fromkeys(key_ids), BATCH, strict=False):
            found |= {record.id: record for record in _good_records(self._items(ids))}
        return found

    def _items(self, ids: Collection[str]) -> list[Mapping[str, Any]]:
        """Read the items of BATCH ids at most. Raises Unavailable, also where not all are read in _ROUNDS rounds."""
        wanted: Any = {self.table: {"Keys": [{"id": {"S": key_id}} for key_id in ids], "ConsistentRead": True}}
        items: list[Mapping[str, Any]] = []
        with _reading():
            for _ in range(_ROUNDS):
                answer = self.client.batch_get_item(RequestItems=wanted)
                items += answer["Responses"].get(self.table, [])
                wanted = answer["UnprocessedKeys"]
                if not wanted:
                    return items
        raise Unavailable(
            "API keys cannot be checked right now.", retry_after_s=1.0, code="directory_unavailable", fault="overloaded"
        )

    def tier_of(self, user: str) -> Tier | None:
        """Read the highest tier of a user's active keys; None for a user without one. Broken records, which are nobody's keys, are
        left out. Raises Unavailable.
        """
        records = _good_records(self._items_of(user))
        return max((record.tier for record in records if record.status == ACTIVE), default=None)

    def of_user(self, user: str) -> list[KeyRecord]:
        """Read the records of all keys of a user. Raises Unavailable; DekrError for a broken record."""
        return [_record(item) for item in self._items_of(user)]

    def _items_of(self, user: str) -> list[Mapping[str, Any]]:
        with _reading():
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName="by_user",
                KeyConditionExpression="#user = :user",
                ExpressionAttributeNames={"#user": "user"},
                ExpressionAttributeValues={":user": {"S": user}},
            )
            return [item for page in pages for item in page["Items"]]

    def put(self, record: KeyRecord) -> None:
        """Add a new key. Raises botocore's ClientError, also for an id that is taken."""
        fields = record.model_dump(mode="json")
        item: Any = {name: {"N": str(value)} if name == "tier" else {"S": value} for name, value in fields.items()}
        self.client.put_item(TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(id)")

    def revoke(self, key_id: str) -> None:
        """Mark a key as revoked. Raises botocore's ClientError, also for a key that does not exist."""
        self.client.update_item(
            TableName=self.table,
            Key={"id": {"S": key_id}},
            UpdateExpression="SET #status = :revoked",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":revoked": {"S": REVOKED}},
        )


def dynamo_directory(table: str) -> DynamoKeyDirectory:
    """Make the directory of a table in the account and region that the environment names."""
    return DynamoKeyDirectory(dynamodb_client(), table)


def dynamodb_client() -> "DynamoDBClient":
    """Make a client of DynamoDB in the account and region that the environment names. It gives up after seconds."""
    import boto3  # noqa: PLC0415 - takes 130 ms, which a hit must not wait for
    from botocore.config import Config  # noqa: PLC0415 - comes with boto3, which a hit must not load

    config = Config(
        connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 2}
    )
    client: DynamoDBClient = boto3.client("dynamodb", config=config)
    return client


@contextmanager
def _reading() -> Iterator[None]:
    """Turn failures of DynamoDB into Unavailable."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - comes with boto3, which a hit must not load

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(
            "API keys cannot be checked right now.", retry_after_s=1.0, code="directory_unavailable"
        ) from error


def _good_records(items: Iterable[Mapping[str, Any]]) -> Iterator[KeyRecord]:
    """Read the records in these items that are not broken."""
    for item in items:
        try:
            yield _record(item)
        except DekrError:
            continue


def _record(item: Mapping[str, Any]) -> KeyRecord:
    """Read the record in an item; further attributes are ignored."""
    try:
        return KeyRecord.model_validate({name: value.get("S", value.get("N")) for name, value in item.items()})
    except ValidationError as error:
        raise DekrError(
            "The record of this API key is broken; a new key is needed.", code="broken_key_record"
        ) from error
