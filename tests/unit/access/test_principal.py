"""The permissions of a principal."""

import pytest

from dekr.access.principal import Principal, Role, is_user
from dekr.errors import RoleRequired, TierNotEntitled
from dekr.tiers import Tier


def principal(tier: int = 4, role: Role = Role.USER) -> Principal:
    return Principal("demo", Tier(tier), role, "fake-id")


def test_a_request_may_lower_its_tier_and_never_raise_it() -> None:
    for own in Tier:
        caller = principal(own)
        assert caller.effective_tier(None) is own
        for requested in range(1, 10):
            if requested <= own:
                assert caller.effective_tier(requested) is Tier(requested)
            else:
                with pytest.raises(TierNotEntitled):
                    caller.effective_tier(requested)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_is_not_another_one(role: Role) -> None:
    for needed in Role:
        if needed is role:
            principal(role=role).require(needed)
        else:
            with pytest.raises(RoleRequired, match=needed):
                principal(role=role).require(needed)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("anna@example.org", True),
        ("Åsa 7 {x}", True),
        ("x" * 128, True),
        ("", False),
        ("x" * 129, False),
        ("a\r\nb", False),
        ("\ud800", False),
        ("jwt:0123:anna", False),
        ("jwt:", False),
        ("jwt", True),
    ],
)
def test_what_can_be_a_user(name: str, fits: bool) -> None:
    assert is_user(name) is fits
