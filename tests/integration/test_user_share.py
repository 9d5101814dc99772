"""The share of each user in the upstream budget, and the moment from which a refused fetch can make all its calls."""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, ShareSpent
from dekr.gate.budget_share import BudgetShare
from dekr.gate.call import Attempt, CallOutcome, Family
from dekr.gate.gate import WINDOW_US, Done, Gate, Wait, calls_allowed
from dekr.gate.permit import Permit
from dekr.gate.request import FetchRequest
from dekr.passed_over import PassedOver
from dekr.store import plain
from dekr.store.link import Link
from tests.busy import MARKET, request_quotes
from tests.busy import NAMES as MARKET_NAMES
from tests.redis_servers import RedisServer
from tests.round_trips import counted
from tests.world import World

SENTENCE = (
    "You have made most of the calls that this service may make to its data provider in this minute; the rest is kept for"
    " others."
)
NAMES = [f"{a}{b}" for a in "ABCDE" for b in "VWXYZ"]
S = 1_000_000
NBBO = Family("nbbo")
FOREVER = Deadline(float("inf"))


def request(lease: str, user: str = "", **options: Any) -> FetchRequest:
    return FetchRequest(lease, (NBBO,), 5_000, FOREVER, user=user, **{"reserved": True, **options})


@dataclass
class Readers:
    """Readers who walk through distinct tickers."""

    link: Link
    per_minute: int = 100
    serial: Iterator[int] = field(default_factory=itertools.count)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.link, self.per_minute, lambda: f"token{next(self.serial)}")

    def call(self, user: str = "", **options: Any) -> Permit:
        """Let the user's request make one call for a ticker of its own. Raises what the gate raises."""
        permit = self.gate.admit(request(f"quote:{next(self.serial)}", user, **options))
        assert isinstance(permit, Permit)
        permit.spend(NBBO)
        return permit

    def calls(self, user: str = "", most: int = 1_000, **options: Any) -> int:
        """Let the user make calls until one is refused, but not more than ``most``; returns their number."""
        for count in range(most):
            try:
                self.call(user, **options)
            except BudgetSpent:
                return count
        return most

    def refusal(self, user: str = "", **options: Any) -> BudgetSpent:
        """The error of a call that is refused."""
        with pytest.raises(BudgetSpent) as refused:
            self.call(user, **options)
        return refused.value

    def used(self, user: str = "") -> int:
        """The number of calls in the log of all calls, or in a user's."""
        key = f"dekr:{{upstream}}:calls:{user}" if user else "dekr:{upstream}:calls"
        (count,) = self.link.run(plain("ZCARD", key))
        return int(count)

    def later(self, microseconds: int) -> None:
        self.link.clock_offset_us += microseconds


@pytest.fixture
def readers(link: Link) -> Readers:
    return Readers(link)


@pytest.mark.parametrize(
    ("reserved", "first", "rest"), [(False, 61, 19), (True, 76, 24)], ids=["all tiers", "the upper tiers"]
)
def test_who_walks_through_tickers_leaves_a_quarter_to_others(
    readers: Readers, first: int, rest: int, *, reserved: bool
) -> None:
    # The last call of the user is granted while a quarter is left.
    assert readers.calls("ann", reserved=reserved) == first
    refused = readers.refusal("ann", reserved=reserved)
    assert isinstance(refused, ShareSpent)
    assert (refused.status, refused.code) == (429, "share_spent")
    assert readers.calls("bob", reserved=reserved) == rest
    # Now there is nothing left to keep for others.
    for user in ("ann", "bob", ""):
        assert readers.refusal(user, reserved=reserved).code == "upstream_budget_spent"


def test_who_spends_the_lower_tiers_budget_leaves_the_reserved_part(readers: Readers) -> None:
    assert readers.calls("ann", reserved=False) == 61
    assert readers.calls("bob", reserved=False) == 19
    assert readers.calls("eve", reserved=True) == 20


@pytest.mark.parametrize("per_minute", [1, 2, 3, 4, 5, 7, 8, 12, 60, 100])
@pytest.mark.parametrize("reserved", [False, True])
def test_alone_on_a_plan_a_user_is_refused_only_where_less_than_a_quarter_is_left(
    link: Link, per_minute: int, *, reserved: bool
) -> None:
    readers, allowed = Readers(link, per_minute), calls_allowed(per_minute, reserved=reserved)
    made = readers.calls("ann", reserved=reserved)
    assert 4 * (allowed - made) < max(allowed, 1)
    assert 4 * (allowed - made + 1) >= allowed


def test_calls_allowed_are_the_whole_plan_or_four_fifths_of_it() -> None:
    assert [calls_allowed(5, reserved=reserved) for reserved in (True, False)] == [5, 4]
    assert [calls_allowed(1, reserved=reserved) for reserved in (True, False)] == [1, 1]


def test_whoever_made_less_than_half_of_the_calls_may_use_all_that_is_left(readers: Readers) -> None:
    assert readers.calls("ann", 49) == 49
    assert readers.calls("bob", 26) == 26
    assert readers.calls("cid") == 25
    assert readers.used("cid") == 25


def test_half_of_the_calls_are_most_of_them(readers: Readers) -> None:
    assert readers.calls("bob", 38) == 38
    assert readers.calls("ann", 38) == 38
    assert isinstance(readers.refusal("ann"), ShareSpent)
    readers.call("eve")
    readers.call("ann")


def test_nobodys_calls_are_never_refused_for_others_and_count_as_others(readers: Readers) -> None:
    assert readers.calls("", 90) == 90
    assert readers.calls("ann") == 10
    readers.later(WINDOW_US)
    assert readers.calls("") == 100


def test_the_warmers_calls_are_nobodys(readers: Readers) -> None:
    share = BudgetShare(readers.gate, "warmer", 90, PassedOver())
    for n in range(80):
        permit = share.admit(request(f"bars:{n}", "\0warmer"))
        assert isinstance(permit, Permit)
        joined = share.join(permit, request(f"market:{n}", "\0warmer"))
        assert isinstance(joined, Permit)
        joined.spend(NBBO)
    assert isinstance(joined, Permit)
    joined.spend(NBBO)
    assert readers.used() == 81
    assert readers.link.run(plain("EXISTS", "dekr:{upstream}:calls:%00warmer")) == [0]


@pytest.mark.parametrize("calls", [1, 2, 7, 26, 76, 1_000])
@pytest.mark.parametrize("reserved", [False, True])
def test_who_comes_back_when_the_refusal_said_may_make_all_calls(
    readers: Readers, calls: int, *, reserved: bool
) -> None:
    allowed = calls_allowed(100, reserved=reserved)
    possible = min(calls, allowed - ceil(allowed / 4) + 1)
    for _ in range(allowed - ceil(allowed / 4) + 1):
        readers.call("ann", reserved=reserved)
        readers.later(S // 10)
    refused = readers.refusal("ann", calls=calls, reserved=reserved)
    assert isinstance(refused, ShareSpent)
    readers.later(round(refused.retry_after_s * S))
    assert readers.calls("ann", possible, reserved=reserved) == possible


def test_less_than_the_time_of_the_refusal_is_not_enough(readers: Readers) -> None:
    for _ in range(76):
        readers.call("ann")
        readers.later(S // 10)
    readers.later(round(readers.refusal("ann").retry_after_s * S) - S // 20)
    readers.refusal("ann")
    readers.later(S // 20)
    readers.call("ann")


@pytest.mark.parametrize(("calls", "seconds"), [(1, 51), (2, 52), (4, 54), (5, 55), (50, 60)])
def test_a_spent_budget_says_when_all_calls_are_possible(link: Link, calls: int, seconds: int) -> None:
    readers = Readers(link, per_minute=10)
    for _ in range(10):
        readers.call()
        readers.later(S)
    refused = readers.refusal(calls=calls)
    assert refused.code == "upstream_budget_spent"
    # Ten calls, a second apart: the first leaves the window 61 s after it was made.
    assert refused.retry_after_s == pytest.approx(seconds, abs=0.1)
    readers.later(round(refused.retry_after_s * S))
    assert readers.calls() == min(calls, 10)


def test_a_fetch_that_runs_out_of_budget_is_told_of_the_calls_that_it_has_yet_to_make(link: Link) -> None:
    readers = Readers(link, per_minute=10)
    for _ in range(6):
        readers.call()
        readers.later(S)
    permit = readers.call(calls=7)
    for _ in range(3):
        readers.later(S)
        permit.spend(NBBO)
    with pytest.raises(BudgetSpent) as refused:
        permit.spend(NBBO)
    # Three calls are left of seven, and the third call of the log was made 7 s ago.
    assert refused.value.retry_after_s == pytest.approx(61 - 7, abs=0.1)
    # Whoever has made more calls than were expected wants one more.
    permit.outcome.calls = 9
    with pytest.raises(BudgetSpent) as refused:
        permit.spend(NBBO)
    assert refused.value.retry_after_s == pytest.approx(61 - 9, abs=0.1)


def test_a_pause_ends_no_earlier_for_a_fetch_than_the_budget_lets_it_go_on(link: Link) -> None:
    readers = Readers(link, per_minute=10)
    permit = readers.call(calls=9)
    permit.observe(Attempt("nbbo", NBBO, CallOutcome.THROTTLED, 0.1, 12.0))
    link.run(*permit.finished())
    readers.later(2 * S)
    assert readers.refusal().retry_after_s == pytest.approx(10, abs=0.1)
    assert readers.refusal(calls=10).retry_after_s == pytest.approx(59, abs=0.1)


def test_a_pause_is_told_as_a_spent_budget(readers: Readers) -> None:
    readers.calls("ann")
    permit = readers.call()
    permit.observe(Attempt("nbbo", NBBO, CallOutcome.THROTTLED, 0.1, 100.0))
    readers.link.run(*permit.finished())
    refused = readers.refusal("ann")
    assert refused.code == "upstream_budget_spent"
    readers.later(round(refused.retry_after_s * S))
    readers.call("ann")


def test_a_call_that_is_given_back_leaves_both_logs(readers: Readers) -> None:
    permit = readers.gate.admit(request("a", "ann"))
    assert isinstance(permit, Permit)
    assert (readers.used(), readers.used("ann")) == (1, 1)
    readers.link.run(*permit.given_up())
    assert (readers.used(), readers.used("ann")) == (0, 0)


@pytest.mark.parametrize("ended", [False, True])
def test_who_waits_for_another_fetch_gives_its_call_back_to_both_logs(readers: Readers, *, ended: bool) -> None:
    market, mine = request("market"), request("quote:AAPL", "ann")
    holder = readers.gate.admit(market)
    permit = readers.gate.admit(mine)
    assert isinstance(holder, Permit)
    assert isinstance(permit, Permit)
    assert (readers.used(), readers.used("ann")) == (2, 1)
    if ended:
        holder.spend(NBBO)
        readers.link.run(*holder.finished())
    found = readers.gate.join(permit, request("market", "ann"))
    assert isinstance(found, Done if ended else Wait)
    assert (readers.used(), readers.used("ann")) == (1, 0)


def test_a_joined_fetch_is_paid_once_in_both_logs(readers: Readers) -> None:
    permit = readers.gate.admit(request("quote:AAPL", "ann"))
    assert isinstance(permit, Permit)
    joined = readers.gate.join(permit, request("market", "ann"))
    assert isinstance(joined, Permit)
    joined.spend(NBBO)
    assert (readers.used(), readers.used("ann")) == (1, 1)
    joined.spend(NBBO)
    assert (readers.used(), readers.used("ann")) == (2, 2)


def test_calls_that_are_given_back_are_not_the_users(readers: Readers) -> None:
    for n in range(200):
        permit = readers.gate.admit(request(f"a{n}", "ann"))
        assert isinstance(permit, Permit)
        readers.link.run(*permit.given_up())
    assert readers.calls("ann") == 76


def test_further_calls_of_one_fetch_are_the_users(readers: Readers) -> None:
    permit = readers.call("ann", calls=200)
    for _ in range(75):
        permit.spend(NBBO)
    with pytest.raises(ShareSpent):
        permit.spend(NBBO)
    assert readers.calls("bob") == 24


def test_those_who_wait_are_not_told_of_another_users_share(readers: Readers) -> None:
    readers.calls("ann", 75)
    permit = readers.gate.admit(request("quote:AAPL", "ann"))
    assert isinstance(permit, Permit)
    permit.spend(NBBO)
    with pytest.raises(ShareSpent) as refused:
        permit.spend(NBBO)
    readers.link.run(*permit.failed(refused.value))
    assert isinstance(readers.gate.admit(request("quote:AAPL", "bob")), Permit)


def test_a_users_log_ends_with_the_window_and_holds_no_older_calls(readers: Readers, redis: RedisServer) -> None:
    key = "dekr:{upstream}:calls:ann"
    for _ in range(5):
        readers.calls("ann", 10)
        readers.later(WINDOW_US)
    assert readers.used("ann") == 10
    with redis.client() as client:
        assert 0 < client.pttl(key) <= WINDOW_US // 1_000
        assert client.pttl("dekr:{upstream}:calls") == -1


@pytest.mark.parametrize("user", ["a}b", "{}", "a\r\nb", "Ünï", "%7D", "calls", "jwt:0123:sub"])
def test_any_name_of_a_user_has_a_log_of_its_own_in_the_gates_slot(
    readers: Readers, redis: RedisServer, user: str
) -> None:
    readers.calls(user, 2)
    readers.calls("other", 3)
    with redis.client() as client:
        logs = set(client.scan_iter("*:calls*"))
        assert {client.zcard(key) for key in logs} == {2, 3, 5}
        assert all(re.fullmatch(r"dekr:\{upstream\}:calls(:[\w%.~-]+)?", key, re.ASCII) for key in logs)
        assert {key_slot(key.encode()) for key in logs} == {key_slot(b"upstream")}


@pytest.mark.parametrize("back_s", [1, 30, 59, 61, 3_600, 86_400])
def test_a_clock_that_steps_back_takes_no_share_away_for_longer_than_a_window(readers: Readers, back_s: int) -> None:
    readers.later(86_400 * S)
    readers.calls("ann", 70)
    readers.later(-back_s * S)
    # The calls of before count as made now.
    assert readers.calls("ann") == 6
    refused = readers.refusal("ann")
    assert isinstance(refused, ShareSpent)
    assert refused.retry_after_s <= WINDOW_US / S
    readers.later(round(refused.retry_after_s * S))
    readers.call("ann")
    readers.later(2 * WINDOW_US)
    assert readers.calls("ann") == 76


def test_a_miss_takes_as_many_round_trips_with_a_user_as_without(readers: Readers) -> None:
    with counted(readers.link) as trips:
        readers.gate.admit(request("a", "ann"))
    assert trips.count == 1


def verdict(log: list[tuple[int, str]], now: int, user: str, allowed: int) -> str:
    """The verdict on one more call, from all calls of the window, the plain rule word by word."""
    window = [who for at, who in log if at > now - WINDOW_US]
    left, mine = allowed - len(window), window.count(user)
    if left <= 0:
        return "upstream_budget_spent"
    if user and mine >= len(window) / 2 and left < allowed / 4:
        return "share_spent"
    return "go"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), per_minute=st.integers(1, 40))
def test_it_refuses_what_the_model_refuses_and_says_when_it_will_not(link: Link, seed: int, per_minute: int) -> None:
    link.run(plain("FLUSHALL", "SYNC"))
    rng, readers = random.Random(seed), Readers(link, per_minute)
    readers.serial = itertools.count(seed)
    log: list[tuple[int, str]] = []
    for _ in range(80):
        user, reserved, calls = (
            rng.choice(["", "ann", "ann", "ann", "bob"]),
            rng.random() < 0.5,
            rng.choice([1, 1, 3, 50]),
        )
        allowed = calls_allowed(per_minute, reserved=reserved)
        now = link.clock.at_us + 1  # type: ignore[attr-defined] # the clock of a still link
        expected = verdict(log, now, user, allowed)
        if expected == "go":
            assert readers.call(user, reserved=reserved, calls=calls).stamp_us == now
            log.append((now, user))
        else:
            refused = readers.refusal(user, reserved=reserved, calls=calls)
            assert refused.code == expected
            assert_it_holds(log, now, now + round(refused.retry_after_s * S), user, allowed, calls)
        readers.later(int(rng.expovariate(per_minute / 60) * S))


def assert_it_holds(log: list[tuple[int, str]], now: int, then: int, user: str, allowed: int, calls: int) -> None:
    """Assert what a refusal has said: from then on the user may make so many calls, if nobody else makes any."""
    kept = [(at, who) for at, who in log if at > now - WINDOW_US]
    for _ in range(min(calls, allowed - ceil(allowed / 4) + 1 if user else allowed)):
        assert verdict(kept, then, user, allowed) == "go"
        kept.append((then, user))


def test_a_reader_is_refused_with_429_and_others_are_served(link: Link) -> None:
    world = World(link, per_minute=20)
    world.to("2026-11-20T15:00:00Z")
    ann, bob = world.key(7, user="ann"), world.key(7, user="bob")
    answers = [world.get(f"/v2/aggs/ticker/{name}/prev", ann) for name in NAMES[:17]]
    assert [answer.status for answer in answers] == [200] * 16 + [429]
    assert answers[-1].json["error"] == SENTENCE
    refused = world.get(f"/quote/{NAMES[0]}", ann)
    assert (refused.status, refused.json["code"], refused.json["detail"]) == (429, "share_spent", SENTENCE)
    assert refused.headers["RateLimit"].startswith('"burst";r=982;')
    assert world.get(f"/v2/aggs/ticker/{NAMES[20]}/prev", bob).status == 200
    world.later(int(refused.headers["Retry-After"]))
    assert world.get(f"/v2/aggs/ticker/{NAMES[17]}/prev", ann).status == 200


def test_who_has_spent_the_share_gets_older_data_with_its_label(link: Link) -> None:
    world = World(link, per_minute=20)
    world.to("2026-11-20T15:00:00Z")
    ann = world.key(7, user="ann")
    world.get(f"/quote/{NAMES[0]}", ann)
    for name in NAMES[1:]:
        world.get(f"/v2/aggs/ticker/{name}/prev", ann)
    world.later(50)
    answer = world.get(f"/quote/{NAMES[0]}", ann)
    assert answer.status == 200
    assert 'reason="share_spent"' in answer.headers["X-Data-Warning"]


def test_the_calls_of_shared_refreshes_are_the_readers_who_trigger_them(busy: World) -> None:
    busy.later(70)
    before = len(busy.upstream.calls)
    for name in ("ELSE", "MORE", MARKET_NAMES[0]):
        request_quotes(busy, busy.key(7, user="ann"), name)
        busy.later(20)
    made = busy.upstream.calls[before:]
    assert MARKET in made
    assert busy.store.run(plain("ZCARD", "dekr:{upstream}:calls:ann")) == [len(made)]
