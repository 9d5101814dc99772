"""Limits a caller's requests: a sustained rate with a burst, and a daily quota, both weighted by cost.

One script on one key for each user does both and counts what was used; it is sent in the first round trip of a read. A refused
request changes nothing. Where the store cannot be reached, a small bucket of this sandbox alone stands in, so that the
service goes on without being open to everything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from dekr.access.principal import Principal
from dekr.access.rate import MAX_DEBT_US, Buckets, Rate
from dekr.cache import keys
from dekr.cache.freshness import CLOCK_TOLERANCE_US
from dekr.errors import InvalidInput, RateLimited
from dekr.store import Command, Store, call, load_script, plain
from dekr.tiers import Tier, TierPolicy

DAY_S: Final = 86_400
USE_KEPT_S: Final = 2 * DAY_S
"""A caller's counts are kept for so long after the day's first request."""

LOCAL_DIVISOR: Final = 10
"""Without the store a sandbox divides a tier's rate by this: it does not know how many others there are."""

MAX_RATE_CHARGES: Final = 4_096


class Ruling(IntEnum):
    """The decision of the script on one request."""

    GRANTED = 1
    TOO_FAST = 0
    QUOTA_SPENT = -1


_LIMIT: Final = load_script(
    __package__,
    "limit",
    CLOCK_TOLERANCE_US=CLOCK_TOLERANCE_US,
    DAY_US=DAY_S * 1_000_000,
    USE_KEPT_S=USE_KEPT_S,
    MAX_DEBT_US=MAX_DEBT_US,
    GRANTED=Ruling.GRANTED,
    TOO_FAST=Ruling.TOO_FAST,
    QUOTA_SPENT=Ruling.QUOTA_SPENT,
)


@dataclass(frozen=True, slots=True)
class Admission:
    """The state of a caller's limits after a request was admitted or refused.

    ``now_us``: the store's clock. ``remaining``: requests left in the burst; ``reset_s``: seconds until there is one more.
    ``used_today``: the cost that was used on this UTC day, an admitted request included; None while the store cannot be reached.
    """

    now_us: int
    policy: TierPolicy
    remaining: int
    reset_s: int
    used_today: int | None

    @property
    def day_ends_s(self) -> int:
        """Seconds until the UTC day ends, rounded up."""
        return DAY_S - self.now_us // 1_000_000 % DAY_S

    def headers(self) -> dict[str, str]:
        """Write the RateLimit-Policy and RateLimit headers of draft-ietf-httpapi-ratelimit-headers-10.

        ``q`` is the quota of a window of ``w`` seconds, ``r`` what is left of it, ``t`` seconds until there is more.
        """
        policy = self.policy
        left = f'"burst";r={self.remaining};t={self.reset_s}'
        if policy.per_day is not None and self.used_today is not None:
            left += f', "day";r={max(0, policy.per_day - self.used_today)};t={self.day_ends_s}'
        return {"RateLimit-Policy": _policy_header(policy.burst, policy.per_minute, policy.per_day), "RateLimit": left}


@lru_cache
def _policy_header(burst: int, per_minute: int, per_day: int | None) -> str:
    day = "" if per_day is None else f', "day";q={per_day};w={DAY_S}'
    return f'"burst";q={burst};w={-(-burst * 60 // per_minute)}{day}'


class Refused(RateLimited):
    """The error of a request over a limit. ``admission`` is the state of the limits, for the answer's headers."""

    def __init__(self, detail: str, admission: Admission, *, retry_after_s: float, code: str) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, code=code)
        self.admission = admission


@dataclass(frozen=True, slots=True, eq=False)
class RateCharge:
    """The charge of one request against its caller's limits: the command to send, and the admission in its reply.

    ``user``: the caller whose limits are charged. ``kind``: the class under which the request is counted. ``cost``: how many
    requests it counts for; one of 0 is always granted and not counted. ``data``: how many data it requests (the symbols of a
    batch). ``local_admission`` charges this sandbox's own bucket instead.
    """

    user: str
    policy: TierPolicy
    rate: Rate
    kind: str
    cost: int
    data: int
    command: Command
    local_admission: Callable[[], Admission]

    def resolve(self, reply: list[Any]) -> Admission:
        """Read the admission in the reply to ``command``. Raises Refused, a RateLimited."""
        ruling, now_us, debt_us, used = reply
        policy, rate = self.policy, self.rate
        admission = _admission(now_us, policy, rate, debt_us, used)
        if ruling == Ruling.GRANTED:
            return admission
        if ruling == Ruling.TOO_FAST:
            raise _too_fast(admission, rate.wait_us(debt_us, self.cost))
        text = (
            f"Your tier allows {policy.per_day} requests a day (UTC); {used} are used and this one costs {self.cost}."
        )
        raise Refused(text, admission, retry_after_s=admission.day_ends_s, code="daily_quota_spent")

    def charge_more(self, count: int) -> Command:
        """Make the command that charges ``count`` more requests for this one, which has turned out to take more upstream calls than
        one. It is never refused: the calls are made. The debt grows to MAX_DEBT_US at most, and the day's use by all of them.
        """
        return _limit_command(self.command.keys[0], self.rate, count, self.policy.per_day, self.kind, 0, forced=True)

    def resolve_more(self, reply: list[Any]) -> Admission:
        """Read the state of the limits in the reply to the command of ``charge_more``."""
        _, now_us, debt_us, used = reply
        return _admission(now_us, self.policy, self.rate, debt_us, used)

    def count_misses(self, data: int, calls: int) -> tuple[Command, ...]:
        """Make the commands that count data that the cache did not have for this request, and the upstream calls that it took."""
        (key,) = self.command.keys
        counts = (("m", min(data, self.data)), ("u", calls))
        return tuple(plain("HINCRBY", key, f"{name}:{self.kind}", count) for name, count in counts if count)

    def resolve_locally(self) -> Admission:
        """Charge this sandbox's own bucket, where the store cannot be reached. Raises Refused."""
        return self.local_admission()


@dataclass(slots=True, eq=False)
class Limiter:
    """Charges requests and look-ups against their callers' limits. ``now_us`` is this machine's clock, used without the store."""

    store: Store
    now_us: Callable[[], int]
    _buckets: Buckets = field(default_factory=Buckets, init=False)
    _rate_charge: Callable[[str, Tier, str, int, int], RateCharge] = field(init=False)

    def __post_init__(self) -> None:
        # A user repeats the same few requests, so the charge of each is kept.
        self._rate_charge = lru_cache(MAX_RATE_CHARGES)(self._rate_charge_of)

    def rate_charge(self, principal: Principal, kind: str, cost: int = 1, data: int = 1) -> RateCharge:
        """Make the charge of a request of this kind for so many data.

        Raises InvalidInput for one that costs more than the tier allows in a whole minute.
        """
        return self._rate_charge(principal.user_id, principal.tier, kind, cost, data)

    def charge_refused(self, principal: Principal) -> Admission:
        """Charge a request of this caller that is refused for its input, its right or an unknown ticker: as much as one request, in
        a round trip of its own. Raises Refused, StoreDown.
        """
        charge = self.rate_charge(principal, "refused", data=0)
        return charge.resolve(self.store.run(charge.command)[0])

    def charge_lookup(self, payer: str, rate: Rate) -> None:
        """Count one look-up against the limit of ``payer``, an address and a purpose. Raises RateLimited, StoreDown."""
        key = keys.address(self.store.prefix, payer)
        ruling, _, debt_us, _ = self.store.run(_limit_command(key, rate, 1, None, "lookup", 1))[0]
        if ruling != Ruling.GRANTED:
            raise _too_many_lookups(rate.wait_us(debt_us, 1))

    def charge_lookup_locally(self, payer: str, rate: Rate) -> None:
        """Count one look-up in this sandbox's own bucket, where the store cannot be reached. Raises RateLimited."""
        granted, debt_us = self._buckets.take(f"a:{payer}", rate, 1, self.now_us())
        if not granted:
            raise _too_many_lookups(rate.wait_us(debt_us, 1))

    def _rate_charge_of(self, user: str, tier: Tier, kind: str, cost: int, data: int) -> RateCharge:
        policy = tier.policy
        if cost > policy.per_minute:
            raise InvalidInput("request", f"costs {cost} requests; your tier allows {policy.per_minute} a minute")
        rate = Rate.of(policy.per_minute, policy.burst)
        command = _limit_command(keys.caller(self.store.prefix, user), rate, cost, policy.per_day, kind, data)
        return RateCharge(
            user, policy, rate, kind, cost, data, command, lambda: self._resolve_locally(user, policy, rate, cost)
        )

    def _resolve_locally(self, user: str, policy: TierPolicy, whole: Rate, cost: int) -> Admission:
        now_us = self.now_us()
        rate = Rate(whole.emission_interval_us * LOCAL_DIVISOR, max(1, whole.burst // LOCAL_DIVISOR))
        granted, debt_us = self._buckets.take(f"u:{user}", rate, cost, now_us)
        admission = _admission(now_us, policy, rate, debt_us, None)
        if not granted:
            raise _too_fast(admission, rate.wait_us(debt_us, cost))
        return admission


def _limit_command(
    key: str, rate: Rate, cost: int, per_day: int | None, kind: str, data: int, *, forced: bool = False
) -> Command:
    limits = rate.emission_interval_us, rate.burst, cost, per_day or 0
    return call(_LIMIT, (key,), *limits, f"c:{kind}", data, int(forced))


def _admission(now_us: int, policy: TierPolicy, rate: Rate, debt_us: int, used: int | None) -> Admission:
    return Admission(now_us, policy, rate.left(debt_us), -(-rate.next_us(debt_us) // 1_000_000), used)


def _too_fast(admission: Admission, wait_us: int) -> Refused:
    policy = admission.policy
    text = f"Your tier allows {policy.per_minute} requests a minute, {policy.burst} of them at once."
    return Refused(text, admission, retry_after_s=wait_us / 1e6, code="rate_limited")


def _too_many_lookups(wait_us: int) -> RateLimited:
    return RateLimited("Too many look-ups of API keys or users from this address.", retry_after_s=wait_us / 1e6)
