"""Who is asking, once that is known."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dekr.errors import RoleRequired, TierNotEntitled
from dekr.tiers import Tier


class Role(StrEnum):
    """What a key is for: a person, another Dekr module (which may act for users), the operators."""

    USER = "user"
    SERVICE = "service"
    ADMIN = "admin"


TOKEN_USERS: Final = "jwt:"  # noqa: S105 - the start of a name
"""How the names of users who come with a token start; nobody else's may."""

USER_RULE: Final = f"must be 1 to 128 printable characters and not start with {TOKEN_USERS}"
_LONGEST_USER: Final = 128


def is_user(name: str) -> bool:
    """Whether this can be the name of a key's user; USER_RULE says it in words."""
    return 0 < len(name) <= _LONGEST_USER and name.isprintable() and not name.startswith(TOKEN_USERS)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: the user whose limits count, their tier, and the role and id of the key that was shown (a token is always
    a user's, and has no such id).
    """

    user_id: str
    tier: Tier
    role: Role
    key_id: str

    def require(self, *roles: Role) -> None:
        """Raise RoleRequired unless the key has one of these roles."""
        if self.role not in roles:
            raise RoleRequired(f"This needs a key with the role {' or '.join(roles)}.")

    def effective_tier(self, asked: int | None) -> Tier:
        """The tier to answer as: the caller's own, or the lower one asked for (1 to 7). Raises TierNotEntitled
        for a higher one.
        """
        if asked is None:
            return self.tier
        if asked > self.tier:
            raise TierNotEntitled(f"tier: your tier is {int(self.tier)}; a request may lower it, never raise it.")
        return Tier(asked)
