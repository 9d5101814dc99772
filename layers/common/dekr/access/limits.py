"""How often a caller may ask: a sustained rate with a burst, and a daily quota, both weighted by cost.

One script on one key per user does both and counts what was used; it rides in the first round trip of a read. A refused
request changes nothing. Where the store cannot be reached, a small bucket of this sandbox alone stands in, so that the
service goes on without being open to everything.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from dekr.access.principal import Principal
from dekr.errors import InvalidInput, RateLimited
from dekr.store import Command, Store, call, load_script
from dekr.tiers import TierPolicy

_LIMIT: Final = load_script(__package__, "limit")

MINUTE_US: Final = 60_000_000
DAY_S: Final = 86_400
ALONE_SHARE: Final = 10
"""Without the store a sandbox grants this part of a tier's rate: it does not know how many others there are."""

ADDRESS_PER_MINUTE: Final = 120
ADDRESS_BURST: Final = 30
"""Look-ups of unknown keys from one address."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The limiter's answer to one request. ``remaining``: requests left in the burst; ``reset_s``: seconds until the
    burst is whole again; ``used_today``: cost used this UTC day, this request included.
    """

    now_us: int
    policy: TierPolicy
    remaining: int
    reset_s: int
    used_today: int

    def headers(self) -> dict[str, str]:
        """RateLimit-Policy and RateLimit, in the form of draft-ietf-httpapi-ratelimit-headers-10.

        ``q`` is the quota of a window of ``w`` seconds, ``r`` what is left of it, ``t`` seconds until it is whole.
        """
        policy = self.policy
        stated = f'"burst";q={policy.burst};w={-(-policy.burst * 60 // policy.per_minute)}'
        left = f'"burst";r={self.remaining};t={self.reset_s}'
        if policy.per_day is not None:
            stated += f', "day";q={policy.per_day};w={DAY_S}'
            until_midnight = DAY_S - self.now_us // 1_000_000 % DAY_S
            left += f', "day";r={max(0, policy.per_day - self.used_today)};t={until_midnight}'
        return {"RateLimit-Policy": stated, "RateLimit": left}


class Refused(RateLimited):
    """A request over a limit; carries the state of the limits for the answer's headers."""

    def __init__(self, detail: str, admission: Admission, *, retry_after_s: float, code: str) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, code=code)
        self.admission = admission


@dataclass(frozen=True, slots=True)
class Toll:
    """What one request pays: a command that rides along, and what to make of its reply."""

    policy: TierPolicy
    cost: int
    command: Command
    alone: Callable[[], Admission]

    def settle(self, reply: list[Any]) -> Admission:
        """The admission in the script's reply. Raises RateLimited."""
        granted, now_us, remaining, wait_us, used = reply
        admission = Admission(now_us, self.policy, remaining, -(-wait_us // 1_000_000), used)
        if granted == 1:
            return admission
        if granted == 0:
            text, code = f"Your tier allows {self.policy.per_minute} requests a minute.", "rate_limited"
        else:
            text, code = f"Your tier allows {self.policy.per_day} requests a day (UTC).", "daily_quota_spent"
        raise Refused(text, admission, retry_after_s=wait_us / 1e6, code=code)

    def settle_alone(self) -> Admission:
        """The admission by this sandbox's own bucket, where the store cannot be reached. Raises RateLimited."""
        return self.alone()


@dataclass(slots=True)
class Limiter:
    """The limits of all callers. ``now_us`` is this machine's clock, for the time without the store."""

    store: Store
    now_us: Callable[[], int]
    _buckets: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def toll(self, principal: Principal, kind: str, cost: int = 1) -> Toll:
        """What a request of this kind costs the caller. Raises InvalidInput for one that no burst can hold."""
        policy = principal.tier.policy
        if cost > policy.burst:
            raise InvalidInput("request", f"costs {cost} requests at once; your tier allows {policy.burst}")
        # Percent-encoding keeps braces, spaces and line breaks of a user's name out of the key.
        key = f"{self.store.prefix}{{u:{quote(principal.user_id, safe='')}}}:use"
        gap_us = MINUTE_US // policy.per_minute
        command = call(_LIMIT, (key,), gap_us, policy.burst, cost, policy.per_day or 0, f"c:{kind}")
        return Toll(policy, cost, command, lambda: self._alone(principal.user_id, policy, cost))

    def address_command(self, address: str) -> Command:
        """The command that counts one look-up of an unknown key from an address."""
        key = f"{self.store.prefix}{{a:{quote(address, safe='')}}}:use"
        return call(_LIMIT, (key,), MINUTE_US // ADDRESS_PER_MINUTE, ADDRESS_BURST, 1, 0, "c:lookup")

    def check_address(self, reply: list[Any]) -> None:
        """Raise RateLimited where the address looked up too many keys."""
        granted, _, _, wait_us, _ = reply
        if granted != 1:
            raise RateLimited("Too many unknown API keys from this address.", retry_after_s=wait_us / 1e6)

    def _alone(self, user_id: str, policy: TierPolicy, cost: int) -> Admission:
        now = self.now_us()
        gap, burst = MINUTE_US * ALONE_SHARE // policy.per_minute, max(cost, policy.burst // ALONE_SHARE, 1)
        after = max(self._buckets.pop(user_id, 0), now) + cost * gap
        over = after - (now + burst * gap)
        admission = Admission(now, policy, max(0, -over) // gap, -(-(after - now) // 1_000_000), 0)
        self._buckets[user_id] = after - cost * gap if over > 0 else after
        while len(self._buckets) > 10_000:  # noqa: PLR2004 - bounded memory
            self._buckets.popitem(last=False)
        if over > 0:
            raise Refused("Too many requests for now.", admission, retry_after_s=over / 1e6, code="rate_limited")
        return admission
