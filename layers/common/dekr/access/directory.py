"""The records of API keys in DynamoDB.

The table has the key ``id`` and an index ``by_user`` on ``user``. An item: id, hash (SHA-256 of the key's text, hex),
user, tier, role, status (active or revoked), created (RFC 3339).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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


def _users_name(name: str) -> str:
    if not is_user(name):
        raise ValueError(USER_RULE)
    return name


class KeyRecord(BaseModel):
    """One key's record."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    user: Annotated[str, AfterValidator(_users_name)]
    tier: Tier
    role: Role
    status: Literal["active", "revoked"]
    created: str


class KeyDirectory(Protocol):
    """Where keys are looked up."""

    def find(self, key_id: str) -> KeyRecord | None:
        """The key's record as it stands now. Raises Unavailable; DekrError for a record that is broken."""
        ...

    def tier_of(self, user: str) -> Tier | None:
        """The highest tier among a user's active keys; None for a user without one. Raises as find does."""
        ...


@dataclass(frozen=True, slots=True)
class DynamoKeyDirectory:
    """The directory in a DynamoDB table."""

    client: "DynamoDBClient"
    table: str

    def find(self, key_id: str) -> KeyRecord | None:
        """See KeyDirectory.find."""
        with _reading():
            answer = self.client.get_item(TableName=self.table, Key={"id": {"S": key_id}}, ConsistentRead=True)
        return _record(answer["Item"]) if "Item" in answer else None

    def tier_of(self, user: str) -> Tier | None:
        """See KeyDirectory.tier_of."""
        records = self.of_user(user)
        return max((record.tier for record in records if record.status == ACTIVE), default=None)

    def of_user(self, user: str) -> list[KeyRecord]:
        """All keys of a user. Raises as KeyDirectory.find does."""
        with _reading():
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                IndexName="by_user",
                KeyConditionExpression="#user = :user",
                ExpressionAttributeNames={"#user": "user"},
                ExpressionAttributeValues={":user": {"S": user}},
            )
            items = [item for page in pages for item in page["Items"]]
        return [_record(item) for item in items]

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
    """The directory in this table of the account and region of the environment."""
    import boto3  # noqa: PLC0415 - 130 ms that a hit does not need
    from botocore.config import Config  # noqa: PLC0415 - the same

    config = Config(
        connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return DynamoKeyDirectory(boto3.client("dynamodb", config=config), table)


@contextmanager
def _reading() -> Iterator[None]:
    """Turns failures of the directory into Unavailable."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - never on the hit path

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(
            "API keys cannot be checked right now.", retry_after_s=1.0, code="directory_unavailable"
        ) from error


def _record(item: Mapping[str, Any]) -> KeyRecord:
    """The record in an item; attributes that it does not know are left out."""
    try:
        return KeyRecord.model_validate({name: value.get("S", value.get("N")) for name, value in item.items()})
    except ValidationError as error:
        raise DekrError("The record of this API key is broken; ask for a new key.", code="broken_key_record") from error
