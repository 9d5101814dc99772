"""What a fresh stack is given: the Polygon key in its secret, and one API key per tier."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from dekr.access.directory import ACTIVE, DynamoKeyDirectory, KeyRecord
from dekr.access.keys import new_key
from dekr.access.principal import Role
from dekr.tiers import Tier
from local.stack.cloud import Cloud


@dataclass(frozen=True, slots=True)
class Keys:
    """The texts of the keys that were made; ``by_tier``: of the users demo1 to demo7."""

    by_tier: dict[str, str]
    admin: str


def store_polygon_key(cloud: Cloud, secret: str, key: str) -> None:
    """Put the upstream's key where the functions read it."""
    cloud.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key)


def make_keys(cloud: Cloud, table: str, now: datetime) -> Keys:
    """Make and store the keys."""
    directory = DynamoKeyDirectory(cloud.client("dynamodb"), table)
    by_tier = {str(tier.value): _make(directory, f"demo{tier.value}", tier, Role.USER, now) for tier in Tier}
    return Keys(by_tier, _make(directory, "admin", max(Tier), Role.ADMIN, now))


def _make(directory: DynamoKeyDirectory, user: str, tier: Tier, role: Role, now: datetime) -> str:
    key = new_key("local", secrets.token_bytes)
    created = now.astimezone(UTC).isoformat()
    directory.put(
        KeyRecord(id=key.id, hash=key.digest, user=user, tier=tier, role=role, status=ACTIVE, created=created)
    )
    return key.text
