"""The service as other Dekr modules call it: over HTTP, with a service key and the name of the user whom it acts for."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from dekr.access.principal import Role
from tests.markets import Market
from tests.world import Answer

NIGHT = "2026-11-21T07:00:00Z"
"""Friday's market is over: two answers are of the same market, whatever the time between them."""


@dataclass
class Module:
    """A Dekr module that makes requests on behalf of its users."""

    market: Market
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.market.world.key(7, "module", Role.SERVICE)

    def user(self, name: str, tier: int) -> str:
        """A user of the platform with an active key."""
        self.market.world.key(tier, name)
        return name

    def get(self, path: str, user: str) -> Answer:
        """GET for a user; it must be a good answer."""
        answer = self.market.world.get(path, self.key, headers={"x-dekr-user": user})
        assert answer.status == 200, answer.text
        return answer

    def quotes(self, user: str, symbols: list[str]) -> dict[str, Any]:
        """A batch for a user."""
        answer = self.market.world.post("/quotes/batch", self.key, symbols, headers={"x-dekr-user": user})
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found


@pytest.fixture
def module(market: Market) -> Module:
    return Module(market)
