"""Each invariant reports the history that breaks it, and accepts those that only seem to."""

from dataclasses import replace

import pytest

from chaos.checks import violations
from chaos.history import FaultInterval, History
from chaos.report import report
from tests.unit.chaos.histories import (
    AAPL,
    answer,
    at,
    call,
    calls,
    fetched,
    handout,
    history,
    loss,
    samples,
    shown,
    stop,
)

TOO_OLD = "no answer is too old"
MADE_UP = "nothing is made up"
AGE = "answers say how old they are"
LEASES = "no two leases live at once"
NEEDLESS = "nothing fresh is fetched again"
STAMPS = "stamps never go back"
BUDGET = "the budget holds"
IN_TIME = "every request is answered in time"
ACCIDENT = "no answer is an accident"
DENIED = "what exists is not denied"
RECOVERS = "the service recovers"


def broken(made: History) -> set[str]:
    return {violation.invariant for violation in violations(made)}


def test_a_good_history_breaks_nothing() -> None:
    made = history(
        answers=[answer(1), answer(20, age_s=19), answer(2, age_s=1, recovery=True)],
        handouts=[handout(0.9)],
        calls=[call(0.9, "a")],
        fetched=[fetched(1.0, "a")],
        samples=samples((0.5, 0.4), (1.5, 0.89)),
        workers=["0.1"],
    )
    assert violations(made) == []


def test_an_answer_older_than_its_tier_allows() -> None:
    assert broken(history(answers=[answer(40, age_s=39)], handouts=[handout(1)])) == {TOO_OLD}
    assert broken(history(answers=[answer(40, age_s=39, tier=6)], handouts=[handout(1)])) == set()


def test_its_age_is_not_what_the_header_says() -> None:
    assert broken(history(answers=[answer(40, age_s=2)], handouts=[handout(1)])) == {TOO_OLD, AGE}
    assert broken(history(answers=[answer(20, age_s=2)], handouts=[handout(1)])) == {AGE}
    assert broken(history(answers=[answer(2, age_s=25)], handouts=[handout(1)])) == {AGE}
    assert broken(history(answers=[answer(2, age_s=None)], handouts=[handout(1)])) == {AGE}


def test_an_answer_whose_header_alone_is_too_old() -> None:
    assert TOO_OLD in broken(history(answers=[answer(2, age_s=31)], handouts=[handout(1)]))


def test_news_have_an_age_of_their_own() -> None:
    article = replace(AAPL, kind="news")
    young = answer(250, age_s=249, route="news", values=(article,))
    old = answer(320, age_s=319, route="news", values=(article,))
    assert broken(history(answers=[young], handouts=[handout(1, article)])) == set()
    assert broken(history(answers=[old], handouts=[handout(1, article)])) == {TOO_OLD}


def test_the_last_time_that_it_was_handed_out_counts() -> None:
    assert broken(history(answers=[answer(40, age_s=10)], handouts=[handout(1), handout(30)])) == set()
    assert MADE_UP in broken(history(answers=[answer(40, age_s=39)], handouts=[handout(41)]))


def test_stale_answers_have_a_window_and_a_label() -> None:
    old = answer(600, age_s=599, stale=True)
    assert broken(history(answers=[old], handouts=[handout(1)])) == set()
    very_old = answer(3_700, age_s=3_699, stale=True)
    assert broken(history(answers=[very_old], handouts=[handout(1)])) == {TOO_OLD}


def test_time_that_passes_makes_answers_old() -> None:
    made = history((5, 60, "time passed"), answers=[answer(10, age_s=69)], handouts=[handout(1)])
    assert broken(made) == {TOO_OLD}


def test_a_clock_that_was_set_back_makes_none_old() -> None:
    made = history((5, -60, "clock back"), answers=[answer(10, age_s=0)], handouts=[handout(1)])
    assert broken(made) == set()


def test_what_is_handed_out_anew_after_the_clock_was_set_back_has_an_age() -> None:
    again = [handout(4), handout(6)]
    assert broken(history((5, -60, "clock back"), answers=[answer(20, age_s=14)], handouts=again)) == set()
    assert broken(history((5, -60, "clock back"), answers=[answer(20, age_s=25)], handouts=again)) == {AGE}


def test_a_jump_during_the_request_is_no_age() -> None:
    during = answer(10, end_us=at(12), age_s=69)
    assert broken(history((11, 60, "time passed"), answers=[during], handouts=[handout(1)])) == set()


def test_a_value_that_the_upstream_never_said() -> None:
    assert broken(history(answers=[answer(1)])) == {MADE_UP}
    other = replace(AAPL, fingerprint="1 99.9 99.9")
    assert broken(history(answers=[answer(1, values=(other,))], handouts=[handout(0.9)])) == {MADE_UP}


def test_two_leases_at_once() -> None:
    assert broken(history(calls=[call(1, "a", took=2), call(2, "b")])) == {LEASES}


@pytest.mark.parametrize(
    "made",
    [
        history(calls=[call(1, "a", took=0.5), call(2, "b")]),
        history(calls=[call(1, "a", took=2), call(2, "a")]),
        history(calls=[call(1, "a", took=2, without_store=True), call(2, "b")]),
        history(calls=[call(1, "a", took=2), call(2, "b", datum="trade:AAPL")]),
        history(calls=[call(1, "a", took=2), call(2, "b")], fault_intervals=[loss(1.5, 1.6)]),
        history(calls=[call(1, "a", took=8), call(7, "b")]),
        history(calls=[call(8, "a", granted=1, took=1), call(8.5, "b")], fault_intervals=[stop(1, 8)]),
    ],
    ids=["one after the other", "one holder", "alone", "another datum", "lost", "run out", "stopped past it"],
)
def test_what_is_no_second_lease(made: History) -> None:
    assert broken(made) == set()


def test_a_loss_before_the_lease_excuses_nothing() -> None:
    made = history(calls=[call(1, "a", took=2), call(2, "b")], fault_intervals=[loss(0.1, 0.2)])
    assert broken(made) == {LEASES}


def test_what_is_fresh_for_everybody_is_fetched_again() -> None:
    twice = [call(1, "a"), call(10, "b")]
    assert broken(history(calls=twice, fetched=[fetched(1.1, "a")])) == {NEEDLESS}


@pytest.mark.parametrize(
    "made",
    [
        history(calls=[call(1, "a"), call(32, "b")], fetched=[fetched(1.1, "a")]),
        history(calls=[call(1, "a"), call(10, "b")]),
        history(calls=[call(1, "a"), call(10, "b")], fetched=[fetched(1.1, "a")], fault_intervals=[loss(5, 5.1)]),
        history(calls=[call(1, "a"), call(10, "b")], fetched=[fetched(1.1, "a")], fault_intervals=[stop(1.1, 7)]),
        history(
            calls=[call(1, "a"), call(10, "b")],
            fetched=[fetched(1.1, "a")],
            fault_intervals=[FaultInterval("store", "memory full", at(1.2), at(2))],
        ),
        history(
            (5, -30, "clock back"),
            calls=[call(1, "a"), call(10, "b", granted_us=shown(-20))],
            fetched=[fetched(1.1, "a")],
        ),
    ],
    ids=["later", "failed", "lost", "stopped", "not written", "clock set back"],
)
def test_what_is_fetched_again_for_a_reason(made: History) -> None:
    assert broken(made) == set()


def test_a_loss_costs_one_fetch_and_not_two() -> None:
    made = history(
        calls=[call(1, "a"), call(10, "b"), call(20, "c")],
        fetched=[fetched(1.1, "a"), fetched(10.1, "b")],
        fault_intervals=[loss(5, 5.1)],
    )
    assert broken(made) == {NEEDLESS}


def test_an_entry_that_becomes_older() -> None:
    assert broken(history(samples=samples((5, 4), (6, 3)))) == {STAMPS}


def test_an_entry_that_vanishes_and_comes_back_older() -> None:
    first, gone, last = samples((5, 4), (6, 0), (7, 3))
    assert broken(history(samples=[first, replace(gone, stamp_us=0), last])) == {STAMPS}


def test_entries_may_become_older_where_data_was_lost_or_the_clock_was_set_back() -> None:
    assert broken(history(samples=samples((5, 4), (6, 3)), fault_intervals=[loss(5.5, 5.6)])) == set()
    stepped = history((5.5, -60, "clock back"), samples=samples((5, 4), (6, -54)))
    assert broken(stepped) == set()
    before = history((1, -60, "clock back"), samples=samples((5, -56), (6, -57)))
    assert broken(before) == {STAMPS}


def test_more_calls_than_the_budget() -> None:
    assert broken(history(calls=calls(range(1, 11)))) == set()
    assert broken(history(calls=calls(range(1, 12)))) == {BUDGET}
    assert broken(history(calls=calls([*range(1, 11), 75]))) == set()


def test_a_loss_costs_one_budget() -> None:
    lost = [loss(10.5, 10.6)]
    assert broken(history(calls=calls(range(1, 21)), fault_intervals=lost)) == set()
    assert broken(history(calls=calls(range(1, 22)), fault_intervals=lost)) == {BUDGET}
    assert broken(history(calls=calls(range(20, 31)), fault_intervals=lost)) == {BUDGET}


def test_time_that_passes_opens_a_new_window_and_a_clock_set_back_does_not() -> None:
    many = calls([*range(1, 11), *range(21, 31)])
    assert broken(history((15, 60, "time passed"), calls=many)) == set()
    assert broken(history((15, -90, "clock back"), calls=many)) == {BUDGET}


def test_without_the_store_a_sandbox_has_its_share() -> None:
    assert broken(history(calls=calls([1], without_store=True) + calls([2], without_store=True, worker="1.2"))) == set()
    assert broken(history(calls=calls([1, 2], without_store=True))) == {BUDGET}


def test_a_call_of_a_stopped_sandbox_counts_when_it_was_granted() -> None:
    late = call(70, "late", granted=5, datum="quote:LATE")
    many = [*calls(range(1, 10)), late, *calls(range(61, 71), worker="1.2")]
    assert broken(history(calls=many, fault_intervals=[stop(5, 70)])) == set()
    assert broken(history(calls=many)) == {BUDGET}


def test_a_loss_before_a_late_call_arrives_counts_for_the_window_that_it_belongs_to() -> None:
    late = call(70, "late", granted=5, datum="quote:LATE")
    many = [late, *calls(range(6, 26), worker="1.2")]
    assert broken(history(calls=many, fault_intervals=[stop(5, 70), loss(15.5, 15.6)])) == set()


def test_an_answer_after_its_deadline() -> None:
    late = answer(1, end_us=at(7.1))
    assert broken(history(answers=[late], handouts=[handout(0.9)])) == {IN_TIME}
    assert broken(history(answers=[late], handouts=[handout(0.9)], fault_intervals=[stop(2, 6)])) == set()
    assert broken(history(answers=[late], handouts=[handout(0.9)], fault_intervals=[stop(2, 6, "1.1")])) == {IN_TIME}


def test_what_a_sandbox_waited_for_a_processor_is_no_lateness_and_nothing_more_is_excused() -> None:
    late = answer(1, end_us=at(7.1))  # by 0.1 s
    for stalled_us, found in ((0, {IN_TIME}), (99_999, {IN_TIME}), (100_000, set[str]()), (2_000_000, set[str]())):
        made = history(answers=[replace(late, stalled_us=stalled_us)], handouts=[handout(0.9)])
        assert broken(made) == found, stalled_us


def test_the_report_says_what_was_excused() -> None:
    excused = answer(1, end_us=at(7.1), stalled_us=150_000)
    not_late = answer(8, stalled_us=40_000)
    too_late = answer(9, end_us=at(15.5), stalled_us=10_000)
    stopped = answer(20, end_us=at(27), stalled_us=1_000_000)
    made = history(answers=[excused, not_late, too_late, stopped], fault_intervals=[stop(21, 22)])
    (line,) = [line for line in report(made, []) if line.startswith("stalls")]
    assert line == "stalls      1200 ms without a processor; 1 answers late by no more, 100 ms in all"


def test_a_sandbox_that_never_answers() -> None:
    assert broken(history(unfinished=["0.1"])) == {IN_TIME}


def test_an_internal_error() -> None:
    assert broken(history(answers=[answer(1, status=500, values=(), age_s=None)])) == {ACCIDENT}
    assert broken(history(answers=[answer(1, status=503, values=(), age_s=None)])) == set()


def test_a_listed_ticker_that_is_called_unknown() -> None:
    refused = answer(1, status=404, values=(), age_s=None)
    assert broken(history(answers=[replace(refused, unknown=("AAPL",))])) == {DENIED}
    assert broken(history(answers=[replace(refused, unknown=("ZZZZA",))])) == set()


def test_a_service_that_does_not_recover() -> None:
    good = answer(1, recovery=True)
    ways = (replace(good, stale=True), replace(good, status=503, values=()))
    for bad in ways:
        assert broken(history(answers=[good, bad], handouts=[handout(0.9)])) == {RECOVERS}
    assert broken(history(answers=[good], handouts=[handout(0.9)], workers=["0.1", "1.2"])) == {RECOVERS}
