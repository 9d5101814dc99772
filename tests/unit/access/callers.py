"""Callers whose limits are tested."""

from dekr.access.principal import Principal, Role
from dekr.tiers import Tier


def caller(tier: int = 1, user: str = "demo") -> Principal:
    """A user of this tier."""
    return Principal(user, Tier(tier), Role.USER, "fake-id")
