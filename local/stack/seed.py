"""The initial data of a fresh stack: the Polygon key in its secret, and one API key for each tier."""

from dataclasses import dataclass
from datetime import datetime

from dekr.access.directory import DynamoKeyDirectory
from dekr.access.principal import Role
from dekr.tiers import Tier
from local.keys import LOCAL, Target, issue
from local.stack.cloud import Cloud


@dataclass(frozen=True, slots=True)
class Keys:
    """The texts of the keys that were made. ``by_tier``: those of the users demo1 to demo7, by the tier's number."""

    by_tier: dict[str, str]
    admin: str


def store_polygon_key(cloud: Cloud, secret: str, key: str) -> None:
    """Store the Polygon API key in the secret that the functions read."""
    cloud.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=key)


def make_keys(cloud: Cloud, table: str, now: datetime) -> Keys:
    """Make and store one API key for each tier and one for an administrator."""
    target = Target(DynamoKeyDirectory(cloud.client("dynamodb"), table), LOCAL)
    by_tier = {str(tier.value): issue(target, f"demo{tier.value}", tier, Role.USER, now).text for tier in Tier}
    return Keys(by_tier, issue(target, "admin", max(Tier), Role.ADMIN, now).text)
