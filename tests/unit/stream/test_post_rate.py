"""The rate of posts, and what a refusal means."""

import asyncio
import random

import pytest

from dekr.stream.delivery.post_rate import BURST_S, ONE_EVENT_S, SEVERAL, WINDOW_S, PostRate, Refusals
from dekr.stream.ports import Delivered
from tests.fakes.driven_time import DrivenTime

SLOW, THROTTLED = Delivered.SLOW, Delivered.THROTTLED


def moments(rate: PostRate, time: DrivenTime, starts: list[float]) -> list[float]:
    """When each of these takers, who come at these moments (s from now), got a token."""
    got: list[float] = []
    began_s = time.at_s

    async def taker(start_s: float) -> None:
        await time.sleep(start_s)
        await rate.take()
        got.append(time.at_s - began_s)

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for start_s in starts:
                group.create_task(taker(start_s))
            await time.go(0)
            while len(got) < len(starts):
                await time.go(1)

    asyncio.run(all_of_them())
    return got


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    time = DrivenTime()
    got = moments(PostRate(100, time.monotonic, time.sleep), time, [0.0] * 221)
    assert len([at_s for at_s in got if at_s == 0]) == 21
    assert got[-1] == pytest.approx(2.0)


@pytest.mark.parametrize("seed", range(5))
def test_in_no_span_of_time_are_more_tokens_given_than_the_rate_allows(seed: int) -> None:
    drawn = random.Random(seed)
    time = DrivenTime()
    starts = sorted(drawn.choice([drawn.uniform(0, 3), 1.0]) for _ in range(300))
    got = moments(PostRate(50, time.monotonic, time.sleep), time, starts)
    for first, from_s in enumerate(got):
        for last in range(first, len(got)):
            assert last - first + 1 <= 50 * (got[last] - from_s + BURST_S) + 1.001
    # Nobody waits where there is no queue.
    assert got[-1] <= 300 / 50 + 3


def test_refusals_halve_the_rate_once_an_event_and_it_grows_again() -> None:
    time = DrivenTime()
    rate = PostRate(1_000, time.monotonic, time.sleep)
    for _ in range(5):
        rate.slow()
    assert rate.per_second == 500
    time.at_s += ONE_EVENT_S
    assert rate.per_second == 550
    rate.slow()
    assert rate.per_second == 275
    for _ in range(20):
        time.at_s += ONE_EVENT_S
        rate.slow()
    assert rate.per_second == pytest.approx(50, rel=0.01)
    time.at_s += 9.5
    assert rate.per_second == pytest.approx(1_000)
    time.at_s += 1_000
    assert rate.per_second == 1_000


def test_a_slowed_rate_holds_at_once() -> None:
    time = DrivenTime()
    rate = PostRate(1_000, time.monotonic, time.sleep)
    rate.slow()
    got = moments(rate, time, [0.0] * 101)
    assert got[0] == 0
    assert got[-1] == pytest.approx(0.2, rel=0.1)


def test_a_refusal_of_one_connection_is_its_own_and_of_several_the_accounts() -> None:
    time = DrivenTime()
    refusals = Refusals(time.monotonic)
    assert [refusals.judge(each) for each in ("a", "a", "b", "c", "d", "a")] == [
        SLOW,
        SLOW,
        SLOW,
        THROTTLED,
        THROTTLED,
        THROTTLED,
    ]
    assert SEVERAL == 3


def test_refusals_far_from_each_other_have_nothing_to_do_with_each_other() -> None:
    time = DrivenTime()
    refusals = Refusals(time.monotonic)
    for each in "abcdefgh":
        assert refusals.judge(each) is SLOW
        time.at_s += WINDOW_S * 0.6


def test_many_slow_clients_are_not_taken_for_the_account() -> None:
    time = DrivenTime()
    refusals = Refusals(time.monotonic)
    for each in "abcdefgh":
        refusals.judge(each)
        time.at_s += WINDOW_S
    time.at_s += WINDOW_S
    assert {refusals.judge(each) for each in "abcdefgh"} == {SLOW}
    for each in "abcdefgh":
        refusals.forget(each)
    assert [refusals.judge(each) for each in "abc"] == [SLOW, SLOW, THROTTLED]
