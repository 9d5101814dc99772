"""The seed alone decides the faults and the requests of a run."""

from collections import defaultdict
from itertools import pairwise
from random import Random

from chaos import trace
from chaos.schedule import DURATIONS_S, Fault, schedule


def lanes(faults: list[Fault]) -> dict[str, list[Fault]]:
    found: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        found[fault.lane].append(fault)
    return found


def test_a_seed_always_gives_the_same_faults() -> None:
    assert schedule(7, 60) == schedule(7, 60)
    assert schedule(7, 60) != schedule(8, 60)


def test_a_run_of_a_minute_has_every_kind() -> None:
    for seed in range(20):
        kinds = {fault.kind for fault in schedule(seed, 60)}
        assert kinds == {kind for lane in DURATIONS_S.values() for kind in lane}


def test_a_short_run_has_faults_of_every_lane() -> None:
    for seed in range(20):
        assert lanes(schedule(seed, 10)).keys() == DURATIONS_S.keys()


def test_faults_of_a_lane_come_one_after_the_other_and_end_in_time() -> None:
    for faults in lanes(schedule(7, 60)).values():
        assert all(one.at_s + one.duration_s < other.at_s for one, other in pairwise(faults))
        assert faults[-1].at_s + faults[-1].duration_s <= 60


def test_a_seed_always_makes_the_same_requests() -> None:
    one, same, other = (trace.requests(Random(seed)) for seed in (1, 1, 2))
    first = [next(one) for _ in range(50)]
    assert first == [next(same) for _ in range(50)]
    assert first != [next(other) for _ in range(50)]
    assert {request.route for request in first} == {"quote", "nbbo", "trade", "batch", "bars", "news"}
