"""Many sandboxes on one cold key, each a process of its own; and a leader that is killed in the middle of its fetch.

A lease ends in real time. On a machine that is so slow that a fetch outlives its lease, another process makes the fetch, too, as it
should; so each lease that can have ended allows one call more. Nobody waits longer than MAX_COVERED_WAIT_S for the whole market: a
fetch of it that takes so long allows one call more, for the ticker alone.
"""

from bench.stampede import stampede
from dekr.market.read.single_flight import MAX_COVERED_WAIT_S
from dekr.polygon.endpoints import LAST_QUOTE

NOT_NICE = 0
"""Not nice: beside other tests, a process that stands back may wait for its turn until its lease ends."""

LEASE_S = LAST_QUOTE.lease_ms / 1000


def most_calls(slowest_s: float) -> int:
    """The calls of those who fetch one after the other, each when the lease before has ended; one where none has."""
    return 1 + int(slowest_s / LEASE_S)


def test_a_cold_key_costs_one_call_however_many_processes_request_it() -> None:
    calls, slowest_s = stampede(8, latency_ms=300, nice=NOT_NICE)
    assert 1 <= calls <= most_calls(slowest_s)


def test_a_cold_key_costs_one_call_where_the_whole_market_is_fetched() -> None:
    calls, slowest_s = stampede(8, busy=True, latency_ms=300, nice=NOT_NICE)
    assert 1 <= calls <= most_calls(slowest_s) + int(slowest_s > MAX_COVERED_WAIT_S)


def test_a_killed_leader_costs_one_more() -> None:
    calls, slowest_s = stampede(6, kill_leader=True, latency_ms=500, nice=NOT_NICE)
    assert 2 <= calls <= most_calls(slowest_s)
