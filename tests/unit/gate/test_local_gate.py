"""The gate of a sandbox without the store: a small share of the budget, in every window, with its own pauses."""

import pytest

from dekr.errors import BudgetSpent
from dekr.gate.call import Attempt, CallOutcome, Family
from dekr.gate.local_gate import LocalGate
from dekr.gate.permit import Permit
from dekr.gate.request import FetchRequest
from tests.patience import always

SECOND_US = 1_000_000
NBBO, SNAPSHOT = Family("nbbo"), Family("snapshot")


class HandClock:
    """A clock that is set by hand."""

    now_us = 1_795_186_800_000_000

    def __call__(self) -> int:
        return self.now_us


def admit(gate: LocalGate, calls: int = 1) -> Permit:
    return gate.admit(FetchRequest("quote:AAPL", (NBBO, SNAPSHOT), 5_000, always(10), reserved=True, calls=calls))


def spent_gate(clock: HandClock) -> LocalGate:
    """The gate of a plan of 60 calls a minute after it has granted three, one a second."""
    gate = LocalGate(60, clock)
    for _ in range(3):
        admit(gate)
        clock.now_us += SECOND_US
    return gate


def test_it_grants_a_twentieth_of_the_budget_in_a_window() -> None:
    clock = HandClock()
    gate = spent_gate(clock)
    with pytest.raises(BudgetSpent) as refused:
        admit(gate)
    clock.now_us += int(refused.value.retry_after_s * SECOND_US) - SECOND_US
    with pytest.raises(BudgetSpent):
        admit(gate)
    clock.now_us += SECOND_US
    assert admit(gate).family is NBBO


@pytest.mark.parametrize(("calls", "seconds"), [(0, 58), (1, 58), (2, 59), (3, 60), (9, 60)])
def test_it_says_when_all_calls_of_the_fetch_are_possible(calls: int, seconds: int) -> None:
    clock = HandClock()
    gate = spent_gate(clock)
    with pytest.raises(BudgetSpent) as refused:
        admit(gate, calls)
    assert refused.value.retry_after_s == seconds


def test_the_smallest_plan_still_has_one_call() -> None:
    assert admit(LocalGate(5, HandClock())).stamp_us == HandClock.now_us


def test_a_throttled_call_pauses_it() -> None:
    clock = HandClock()
    gate = LocalGate(1_000, clock)
    permit = admit(gate)
    permit.observe(Attempt("nbbo", NBBO, CallOutcome.THROTTLED, 0.1, pause_s=30))
    assert permit.finished() == ()
    with pytest.raises(BudgetSpent):
        admit(gate)
    clock.now_us += 30 * SECOND_US
    admit(gate)


def test_a_call_that_was_paid_and_not_made_is_given_back() -> None:
    gate = LocalGate(20, HandClock())
    assert admit(gate).given_up() == ()
    admit(gate).spend(NBBO)
    with pytest.raises(BudgetSpent):
        admit(gate)


def test_a_call_that_never_left_the_machine_spends_nothing() -> None:
    gate = LocalGate(20, HandClock())
    for _ in range(3):
        permit = admit(gate)
        permit.spend(NBBO)
        permit.observe(Attempt("nbbo", NBBO, CallOutcome.UNREACHABLE, 0.1))
        permit.given_up()
    admit(gate)


def test_each_source_costs_one_call() -> None:
    gate = LocalGate(60, HandClock())
    permit = admit(gate)
    permit.spend(NBBO)
    permit.spend(permit.step_down())
    admit(gate)
    with pytest.raises(BudgetSpent):
        admit(gate)
