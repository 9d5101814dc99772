"""Many sandboxes on one cold key, each a process of its own; and a leader that is killed in the middle of its fetch."""

from bench.stampede import stampede

NOT_NICE = 0
"""Not nice: beside other tests, a process that stands back may wait for its turn until its lease ends, and another fetches, too."""


def test_a_cold_key_costs_one_call_however_many_processes_request_it() -> None:
    calls, _ = stampede(8, latency_ms=300, nice=NOT_NICE)
    assert calls == 1


def test_a_cold_key_costs_one_call_where_the_whole_market_is_fetched() -> None:
    calls, _ = stampede(8, busy=True, latency_ms=300, nice=NOT_NICE)
    assert calls == 1


def test_a_killed_leader_costs_one_more() -> None:
    calls, _ = stampede(6, kill_leader=True, latency_ms=500, nice=NOT_NICE)
    assert calls == 2
