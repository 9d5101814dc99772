"""The principal of a request: the caller that its credential proves."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dekr.errors import RoleRequired, TierNotEntitled
from dekr.tiers import Tier


class Role(StrEnum):
    """The role of an API key: for a person, for another Dekr module (which may act for users), or for the operators."""

    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"


TOKEN_USERS: Final = "jwt:"  # noqa: S105 - a prefix of user names, no password
"""The prefix of the names of users who come with a token. No other name may start with it."""

USER_RULE: Final = f"must be 1 to 128 printable characters and not start with {TOKEN_USERS}"
_MAX_USER_LENGTH: Final = 128


def is_user(name: str) -> bool:
    """Whether this can be the name of an API key's user. USER_RULE says the rule in words."""
    return 0 < len(name) <= _MAX_USER_LENGTH and name.isprintable() and not name.startswith(TOKEN_USERS)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the user whose limits count, their tier, and the role and the id of the API key. A caller with a token has the
    role USER, an empty ``key_id`` and ``ends_us``, the moment at which the token expires (microseconds since the epoch).
    """

    user_id: str
    tier: Tier
    role: Role
    key_id: str
    ends_us: int | None = None

    def require(self, *roles: Role) -> None:
        """Raise RoleRequired unless the caller has one of these roles."""
        if self.role not in roles:
            raise RoleRequired(f"This needs a key with the role {' or '.join(roles)}.")

    def effective_tier(self, requested: int | None) -> Tier:
        """Return the tier to answer as: the caller's own, or a lower one that was requested (1 to 7).

        Raises TierNotEntitled for a higher one.
        """
        if requested is None:
            return self.tier
        if requested > self.tier:
            raise TierNotEntitled(f"tier: your tier is {int(self.tier)}; a request may lower it, never raise it.")
        return Tier(requested)
