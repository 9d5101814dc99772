"""The benchmark of saved calls on some minutes of a morning: the real services, and figures that agree with each other."""

import dataclasses

import numpy as np

from bench.savings.checker import violations
from bench.savings.drive import drive
from bench.savings.trace import START_US, Trace, day


def first_minutes(trace: Trace, minutes: int) -> Trace:
    """Return a trace's requests, all moved into the first minutes of the day."""
    at_us = START_US + np.sort((trace.at_us - START_US) // (960 // minutes))
    return dataclasses.replace(trace, at_us=at_us)


def test_a_driven_morning_keeps_the_promise_and_counts_every_call() -> None:
    trace = first_minutes(day(1, 150, mixed=True), 10)
    result = drive(trace, [])
    assert result.outcomes.total() == 150
    assert 0 < result.counts.calls < 150
    assert result.outcomes["miss"] <= result.counts.calls
    assert violations(result.history, START_US) == []
    assert result.differing == 0
    assert len(result.history) >= 150


def test_for_what_was_read_yesterday_fewer_readers_wait_today() -> None:
    trace = first_minutes(day(2, 80), 10)
    yesterday = dataclasses.replace(trace, at_us=trace.at_us - 24 * 3_600_000_000)
    cold, warm = drive(trace, []), drive(trace, [yesterday])
    assert warm.outcomes["miss"] < cold.outcomes["miss"]
    assert violations(cold.history + warm.history, START_US) == []


def test_bars_of_the_week_before_save_calls_and_are_not_counted() -> None:
    trace = first_minutes(day(3, 120, mixed=True), 10)
    week = [dataclasses.replace(trace, at_us=trace.at_us - days * 24 * 3_600_000_000) for days in (2, 1)]
    cold, warm = drive(trace, []), drive(trace, week)
    assert 0 < warm.counts.calls - warm.warmer_calls < cold.counts.calls - cold.warmer_calls
    assert warm.outcomes.total() == cold.outcomes.total() == 120
    assert violations(warm.history, START_US) == []
