"""The limits in a real Redis: the script against the slow model, and the headers and errors that a caller gets."""

import random
import string
from datetime import datetime

import pytest
from redis.crc import key_slot

from dekr.access.limits import Admission, Limiter, Refused
from dekr.access.principal import Principal
from dekr.access.rate import Rate
from dekr.errors import RateLimited
from dekr.store import Command, plain
from dekr.store.link import Link
from dekr.tiers import Tier
from tests.redis_servers import RedisServer
from tests.round_trips import counted
from tests.still_link import still_link
from tests.unit.access.callers import caller
from tests.unit.access.token_bucket import TokenBucket

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US


@pytest.fixture
def limiter(link: Link) -> Limiter:
    return Limiter(link, lambda: 0)


def pay(limiter: Limiter, principal: Principal, cost: int = 1, kind: str = "quote") -> Admission:
    charge = limiter.rate_charge(principal, kind, cost)
    return charge.resolve(limiter.store.run(charge.command)[0])


def refusal(limiter: Limiter, principal: Principal, cost: int = 1) -> Refused:
    with pytest.raises(Refused) as refused:
        pay(limiter, principal, cost)
    return refused.value


def to(link: Link, moment: str) -> None:
    """Drive the store's clock to a moment."""
    seconds, microseconds = link.run(Command(("TIME",), ()))[0]
    now_us = int(seconds) * SECOND_US + int(microseconds)
    link.clock_offset_us = int(datetime.fromisoformat(moment).timestamp() * SECOND_US) - now_us


@pytest.mark.parametrize(("seed", "tier"), [(1, 1), (2, 2), (3, 5), (4, 6), (5, 7)])
def test_it_grants_what_the_model_grants(link: Link, limiter: Limiter, seed: int, tier: int) -> None:
    rng, policy = random.Random(seed), Tier(tier).policy
    emission_interval_us = MINUTE_US // policy.per_minute
    model = TokenBucket(emission_interval_us, policy.burst, policy.per_day)
    outcomes = set()
    for _ in range(250):
        link.clock_offset_us += rng.choice(
            [0, 0, emission_interval_us, emission_interval_us * policy.burst // 3, rng.randrange(DAY_US // 20)]
        )
        cost = rng.choice([1, 1, rng.randint(1, policy.burst), policy.batch])
        try:
            admission, outcome, wait_s = pay(limiter, caller(tier), cost), "granted", 0.0
        except Refused as error:
            admission, outcome, wait_s = error.admission, error.code, error.retry_after_s
        expected = model.take(admission.now_us, cost)
        assert outcome == expected
        assert admission.remaining == model.left()
        assert admission.used_today == model.used
        if outcome == "rate_limited":
            assert wait_s == pytest.approx(float(model.wait_us(cost)) / 1e6)
        outcomes.add(outcome)
    assert {"granted", "rate_limited"} <= outcomes


def test_a_refused_request_changes_nothing(limiter: Limiter, redis: RedisServer) -> None:
    for _ in range(10):
        pay(limiter, caller())
    with redis.client() as client:
        before = client.hgetall("dekr:{u:demo}:use")
        for _ in range(5):
            refusal(limiter, caller())
        assert client.hgetall("dekr:{u:demo}:use") == before


def test_the_retry_time_is_enough_and_less_is_not(link: Link, limiter: Limiter) -> None:
    for _ in range(10):
        pay(limiter, caller())
    for cost in (1, 4, 10):
        wait_us = round(refusal(limiter, caller(), cost).retry_after_s * SECOND_US)
        link.clock_offset_us += wait_us - SECOND_US
        refusal(limiter, caller(), cost)
        link.clock_offset_us += SECOND_US
        pay(limiter, caller(), cost)


def test_two_sandboxes_share_a_users_limit_and_users_do_not(link: Link, redis: RedisServer) -> None:
    other_link = still_link(redis.url)
    first, second = Limiter(link, lambda: 0), Limiter(other_link, lambda: 0)
    for _ in range(5):
        pay(first, caller())
        pay(second, caller())
    refusal(first, caller())
    refusal(second, caller())
    pay(second, caller(user="other"))
    other_link.close()


@pytest.mark.parametrize("tier", list(Tier))
def test_the_largest_batch_of_a_tier_fits_and_is_paid_off(link: Link, limiter: Limiter, tier: Tier) -> None:
    policy = tier.policy
    pay(limiter, caller(tier), policy.batch, "batch")
    owed = max(0, policy.batch - policy.burst)
    if owed:
        wait_s = refusal(limiter, caller(tier)).retry_after_s
        assert wait_s == pytest.approx((owed + 1) * 60 / policy.per_minute, abs=1)
    link.clock_offset_us += round(policy.batch * MINUTE_US / policy.per_minute)
    assert pay(limiter, caller(tier)).remaining == policy.burst - 1


def test_the_daily_quota_ends_with_the_utc_day(link: Link, limiter: Limiter, redis: RedisServer) -> None:
    to(link, "2026-11-20T12:00:00Z")
    for _ in range(100):
        pay(limiter, caller(), 10, "batch")
        link.clock_offset_us += 30 * SECOND_US
    to(link, "2026-11-20T23:58:00Z")
    refused = refusal(limiter, caller())
    assert refused.code == "daily_quota_spent"
    assert 0 < refused.retry_after_s <= 120
    assert refused.admission.headers()["RateLimit"].startswith('"burst";r=10;t=0, "day";r=0;t=1')
    link.clock_offset_us += round(refused.retry_after_s * SECOND_US)
    assert pay(limiter, caller()).used_today == 1
    with redis.client() as client:
        kept = client.hgetall("dekr:{u:demo}:use")
        assert {name: count for name, count in kept.items() if name.startswith("c:")} == {"c:quote": "1"}


def test_a_request_that_does_not_fit_into_the_quota_leaves_the_rest_of_it(link: Link, limiter: Limiter) -> None:
    to(link, "2026-11-20T12:00:00Z")
    for _ in range(99):
        pay(limiter, caller(), 10)
        link.clock_offset_us += 20 * SECOND_US
    pay(limiter, caller(), 5)
    link.clock_offset_us += 20 * SECOND_US
    assert refusal(limiter, caller(), 10).code == "daily_quota_spent"
    assert pay(limiter, caller(), 5).used_today == 1000


def test_the_highest_tier_has_no_daily_quota(limiter: Limiter) -> None:
    headers = pay(limiter, caller(7), 3).headers()
    assert headers == {"RateLimit-Policy": '"burst";q=1000;w=10', "RateLimit": '"burst";r=997;t=1'}


def test_what_was_used_is_counted_by_kind(limiter: Limiter, redis: RedisServer) -> None:
    pay(limiter, caller(7), kind="quote")
    pay(limiter, caller(7), 25, kind="batch")
    pay(limiter, caller(7), kind="quote")
    with redis.client() as client:
        kept = client.hgetall("dekr:{u:demo}:use")
        assert (kept["c:quote"], kept["c:batch"], kept["used"]) == ("2", "1", "27")
        assert 172_700 < client.ttl("dekr:{u:demo}:use") <= 172_800


@pytest.mark.parametrize("back_s", [2, 36, 59, 61])
def test_a_clock_that_stepped_back_a_little_throttles_nobody(link: Link, limiter: Limiter, back_s: int) -> None:
    for _ in range(2):
        pay(limiter, caller())
    link.clock_offset_us -= back_s * SECOND_US
    for left in range(9, -1, -1):
        assert pay(limiter, caller()).remaining == left
    # From then on the limit is what it was.
    assert refusal(limiter, caller()).retry_after_s <= 2


def test_a_clock_that_stepped_back_does_not_lock_a_caller_out(link: Link, limiter: Limiter) -> None:
    link.clock_offset_us = 3 * DAY_US
    for _ in range(10):
        pay(limiter, caller())
    link.clock_offset_us = 0
    assert pay(limiter, caller()).remaining == 9


@pytest.mark.parametrize("user", ["a}b", "{}", "a\r\nSET x 1", "a b", "Ünï", "x:use", "%7D", *string.punctuation])
def test_any_name_of_a_user_has_one_slot_of_its_own(limiter: Limiter, redis: RedisServer, user: str) -> None:
    assert pay(limiter, caller(user=user)).remaining == 9
    assert pay(limiter, caller(user=user)).remaining == 8
    with redis.client() as client:
        (key,) = client.keys()
        tag = key[key.index("{") + 1 : key.index("}")]
        assert key == f"dekr:{{{tag}}}:use"
        assert key_slot(key.encode()) == key_slot(tag.encode())


def test_a_charge_is_one_command_in_the_callers_round_trip(link: Link, limiter: Limiter) -> None:
    pay(limiter, caller())
    charge = limiter.rate_charge(caller(), "quote")
    with counted(link) as trips:
        link.run(charge.command, limiter.rate_charge(caller(), "quote").command)
    assert trips.count == 1


def test_lookups_of_one_address_are_limited(link: Link, limiter: Limiter) -> None:
    rate = Rate.of(60, 3)
    for _ in range(3):
        limiter.charge_lookup("198.51.100.7", rate)
    with pytest.raises(RateLimited) as refused:
        limiter.charge_lookup("198.51.100.7", rate)
    assert 0 < refused.value.retry_after_s <= 1
    limiter.charge_lookup("198.51.100.8", rate)
    link.clock_offset_us += SECOND_US
    limiter.charge_lookup("198.51.100.7", rate)


def test_what_costs_nothing_is_granted_in_any_state_and_changes_none(link: Link, limiter: Limiter) -> None:
    to(link, "2026-11-20T15:00:00Z")
    poor = caller(1)
    charge = limiter.rate_charge(poor, "usage", cost=0, data=0)
    assert charge.resolve(link.run(charge.command)[0]).used_today == 0
    assert link.run(plain("EXISTS", *charge.command.keys))[0] == 0

    pay(limiter, poor, cost=poor.tier.policy.per_minute)  # a debt of more than the burst
    before = link.run(plain("HGETALL", *charge.command.keys))[0]
    admission = charge.resolve(link.run(charge.command)[0])
    assert (admission.remaining, admission.used_today) == (0, poor.tier.policy.per_minute)
    assert link.run(plain("HGETALL", *charge.command.keys))[0] == before


def charge_calls(limiter: Limiter, principal: Principal, count: int) -> Admission:
    """Charge a request that has been paid for ``count`` calls more."""
    charge = limiter.rate_charge(principal, "bars")
    return charge.resolve_more(limiter.store.run(charge.charge_more(count))[0])


def test_a_charge_names_its_user(limiter: Limiter) -> None:
    assert limiter.rate_charge(caller(user="ann"), "quote").user == "ann"
    assert limiter.rate_charge(caller(user="bob"), "quote").user == "bob"


def test_further_calls_are_charged_like_so_many_requests(limiter: Limiter) -> None:
    pay(limiter, caller())
    admission = charge_calls(limiter, caller(), 4)
    assert (admission.remaining, admission.used_today) == (5, 5)
    assert pay(limiter, caller()).remaining == 4


def test_further_calls_are_charged_whatever_the_limits_say(link: Link, limiter: Limiter) -> None:
    to(link, "2026-11-20T12:00:00Z")
    for _ in range(10):
        pay(limiter, caller())
    refusal(limiter, caller())
    admission = charge_calls(limiter, caller(), 5)
    assert (admission.remaining, admission.used_today) == (0, 15)
    # Fifteen calls at one in 2 s, of which ten may come at once; the next one waits for five, and for its own.
    assert refusal(limiter, caller()).retry_after_s == pytest.approx(12, abs=0.1)
    assert admission.reset_s == 12
    assert charge_calls(limiter, caller(), 5_000).used_today == 5_015
    assert refusal(limiter, caller()).admission.headers()["RateLimit"].endswith('"day";r=0;t=43200')
    link.clock_offset_us += MINUTE_US
    assert refusal(limiter, caller()).code == "daily_quota_spent"


def test_the_debt_of_further_calls_is_paid_off_in_a_minute_and_not_forgotten(link: Link, limiter: Limiter) -> None:
    charge_calls(limiter, caller(7), 1_000_000)
    refused = refusal(limiter, caller(7))
    assert 49 <= refused.retry_after_s <= 60
    link.clock_offset_us += round(refused.retry_after_s * SECOND_US) - SECOND_US
    refusal(limiter, caller(7))
    link.clock_offset_us += SECOND_US
    assert pay(limiter, caller(7)).remaining == 0


def test_further_calls_do_not_count_as_requests_of_their_kind(link: Link, limiter: Limiter) -> None:
    pay(limiter, caller(7), kind="bars")
    charge_calls(limiter, caller(7), 40)
    kept = link.run(plain("HGETALL", "dekr:{u:demo}:use"))[0]
    counts = dict(zip(kept[::2], kept[1::2], strict=True))
    assert (counts[b"c:bars"], counts[b"used"]) == (b"1", b"41")


def test_no_further_calls_change_nothing(link: Link, limiter: Limiter) -> None:
    paid = pay(limiter, caller())
    before = link.run(plain("HGETALL", "dekr:{u:demo}:use"))[0]
    same = charge_calls(limiter, caller(), 0)
    assert (same.remaining, same.used_today) == (paid.remaining, paid.used_today)
    assert link.run(plain("HGETALL", "dekr:{u:demo}:use"))[0] == before


def test_further_calls_after_midnight_are_those_of_the_new_day(link: Link, limiter: Limiter) -> None:
    to(link, "2026-11-20T23:59:59Z")
    pay(limiter, caller())
    to(link, "2026-11-21T00:00:01Z")
    assert charge_calls(limiter, caller(), 3).used_today == 3
    assert 172_700 < link.run(plain("TTL", "dekr:{u:demo}:use"))[0] <= 172_800
