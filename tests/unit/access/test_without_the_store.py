"""The limits while the store cannot be reached: open, and bounded."""

from contextlib import suppress
from typing import Any

import pytest

from dekr.access.limits import Limiter
from dekr.access.principal import Principal
from dekr.errors import InvalidInput, RateLimited, StoreDown
from dekr.store import Command, Store
from dekr.tiers import Tier
from tests.unit.access.callers import caller


class DownStore:
    prefix = "dekr:"
    clock_offset_us = 0

    def run(self, *_: Command) -> list[Any]:
        raise StoreDown

    def shards(self) -> list[Store]:
        raise StoreDown


class Clock:
    now_us = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


def granted(limiter: Limiter, principal: Principal, requests: int, cost: int = 1) -> int:
    count = 0
    for _ in range(requests):
        with suppress(RateLimited):
            limiter.rate_charge(principal, "quote", cost).resolve_locally()
            count += 1
    return count


def test_a_sandbox_grants_a_tenth_of_the_tier() -> None:
    clock = Clock()
    limiter = Limiter(DownStore(), clock)
    assert granted(limiter, caller(7), 200) == 100
    assert granted(limiter, caller(7, "other"), 200) == 100
    with pytest.raises(RateLimited) as refused:
        limiter.rate_charge(caller(7), "quote").resolve_locally()
    assert (refused.value.code, refused.value.retry_after_s) == ("rate_limited", 0.1)
    clock.now_us += 1_000_000
    assert granted(limiter, caller(7), 200) == 10


def test_every_tier_gets_something_and_a_batch_too() -> None:
    for tier in Tier:
        limiter = Limiter(DownStore(), Clock())
        assert granted(limiter, caller(tier), 1, cost=tier.policy.batch) == 1
        assert granted(limiter, caller(tier), 1) == 0


def test_the_headers_say_nothing_of_the_day_which_nobody_counts_now() -> None:
    headers = Limiter(DownStore(), Clock()).rate_charge(caller(1), "quote").resolve_locally().headers()
    assert headers == {"RateLimit-Policy": '"burst";q=10;w=20, "day";q=1000;w=86400', "RateLimit": '"burst";r=0;t=20'}


def test_a_request_that_no_minute_can_hold_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match="costs 31 requests; your tier allows 30 a minute"):
        Limiter(DownStore(), Clock()).rate_charge(caller(1), "batch", 31)
