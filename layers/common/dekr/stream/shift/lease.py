"""The lease of the relay: an item in DynamoDB that at most one relay holds, and the epoch by which the store knows it.

The item has the key ``id`` and the fields owner, epoch, expires (ms), request, version and ends (ms). It is never deleted, because
the epoch must only grow: the store refuses what a relay of an earlier epoch writes.

A holder renews its lease every RENEWAL_S. After HELD_S without a renewal it takes the lease for lost, by its own monotonic clock,
and well before LIFE_MS, after which another may take it: clocks of two machines may differ by the seconds between.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from dekr.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ITEM: Final = "relay#stocks#0"
RENEWAL_S: Final = 3.0
HELD_S: Final = 6.0
LIFE_MS: Final = 10_000

_NAMES: Final = {f"#{name}": name for name in ("owner", "epoch", "expires", "request", "version", "ends")}
_OWN: Final = "#owner = :owner AND #epoch = :epoch"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who wants to hold the lease. ``owner``: unique to one run of a relay. ``request`` and ``version``: of its invocation
    (Lambda's request id and function version). ``ends_ms``: when that ends at the latest.
    """

    owner: str
    request: str
    version: str
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody has, of this epoch, until ``expires_ms`` unless it is renewed."""

    holder: Holder
    epoch: int
    expires_ms: int


@dataclass(slots=True, eq=False)
class Lease:
    """The lease as one relay sees it. ``now_ms``: the machine's clock. ``monotonic``: a clock in seconds that is never set.

    ``epoch``: that of the last taking; 0 before. Every method that asks the table raises Unavailable where it cannot be reached.
    """

    client: "DynamoDBClient"
    table: str
    holder: Holder
    now_ms: Callable[[], int]
    monotonic: Callable[[], float]
    epoch: int = field(default=0, init=False)
    _renewed_s: float | None = field(default=None, init=False)

    def read(self) -> Held | None:
        """Who has the lease now; None where it is free."""
        with _reaching():
            answer = self.client.get_item(TableName=self.table, Key=self._key, ConsistentRead=True)
        held = _held(answer["Item"]) if "Item" in answer else None
        return held if held is not None and held.expires_ms > self.now_ms() else None

    def take(self) -> Held | None:
        """Take the lease, where it is free, with the next epoch. None: it is this relay's; else who has it."""
        asked_s, now_ms = self.monotonic(), self.now_ms()
        try:
            answer = self._update(
                "SET #owner = :owner, #request = :request, #version = :version, #ends = :ends, #expires = :expires"
                " ADD #epoch :one",
                "attribute_not_exists(#expires) OR #expires <= :now",
                {
                    ":owner": {"S": self.holder.owner},
                    ":request": {"S": self.holder.request},
                    ":version": {"S": self.holder.version},
                    ":ends": {"N": str(self.holder.ends_ms)},
                    ":expires": {"N": str(now_ms + LIFE_MS)},
                    ":one": {"N": "1"},
                    ":now": {"N": str(now_ms)},
                },
            )
        except _Refused as refused:
            held = refused.held
            if held.holder.owner != self.holder.owner:
                return held
            # The reply to the taking was lost, and it was sent again.
            self.epoch = held.epoch
            return None if self.renew() else held
        self.epoch, self._renewed_s = _held(answer).epoch, asked_s
        return None

    def renew(self) -> bool:
        """Renew the lease. False: it is lost. Where the table cannot be reached it is held for what is left of HELD_S."""
        asked_s = self.monotonic()
        expires = {":expires": {"N": str(self.now_ms() + LIFE_MS)}}
        try:
            self._update("SET #expires = :expires", _OWN, {**self._own, **expires})
        except _Refused:
            self._renewed_s = None
            return False
        self._renewed_s = asked_s
        return True

    def held(self) -> bool:
        """Whether the lease is still this relay's; asks nobody."""
        return self._renewed_s is not None and self.monotonic() - self._renewed_s < HELD_S

    def release(self) -> None:
        """Give the lease back, where it is still this relay's."""
        self._renewed_s = None
        try:
            self._update("SET #expires = :expires", _OWN, {**self._own, ":expires": {"N": "0"}})
        except _Refused:
            return

    @property
    def _key(self) -> Mapping[str, Any]:
        return {"id": {"S": ITEM}}

    @property
    def _own(self) -> Mapping[str, Any]:
        return {":owner": {"S": self.holder.owner}, ":epoch": {"N": str(self.epoch)}}

    def _update(self, update: str, condition: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Change the item and return it as it is then. Raises _Refused where the condition does not hold."""
        with _reaching():
            try:
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=self._key,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={
                        short: name for short, name in _NAMES.items() if short in update + condition
                    },
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self.client.exceptions.ConditionalCheckFailedException as error:
                response: Mapping[str, Any] = error.response
                raise _Refused(response.get("Item")) from error
        return answer["Attributes"]


class _Refused(Exception):
    """The condition of an update did not hold for this item."""

    def __init__(self, item: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.item = item

    @property
    def held(self) -> Held:
        assert self.item is not None, "only an item with an owner is refused"
        return _held(self.item)


@contextmanager
def _reaching() -> Iterator[None]:
    """Turn failures of DynamoDB into Unavailable."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        fault = f"the table of the lease: {type(error).__name__}"
        raise Unavailable("The lease of the relay is out of reach.", retry_after_s=1.0, fault=fault) from error


def _held(item: Mapping[str, Any]) -> Held:
    holder = Holder(item["owner"]["S"], item["request"]["S"], item["version"]["S"], int(item["ends"]["N"]))
    return Held(holder, int(item["epoch"]["N"]), int(item["expires"]["N"]))
