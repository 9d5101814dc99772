"""The gate to the upstream: one fetch at a time, strict budget, breaker, what the plan lacks."""

import itertools
import random
from collections import deque
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.deadline import Deadline
from dekr.errors import BudgetSpent, UpstreamDown, UpstreamInvalid, UpstreamNotEntitled, UpstreamUnreachable
from dekr.gate.call import Attempt, CallOutcome, Family
from dekr.gate.gate import Decision, Done, Gate, Wait
from dekr.gate.permit import Permit
from dekr.gate.request import FetchRequest
from dekr.store import Command, plain
from dekr.store.link import Link

S = 1_000_000
FOREVER = Deadline(float("inf"))


def gate(link: Link, per_minute: int = 100) -> Gate:
    serial = itertools.count()
    return Gate(link, per_minute, lambda: f"token{next(serial)}")


def families(*names: str) -> tuple[Family, ...]:
    return tuple(Family(name) for name in names)


def request(lease: str = "quote:AAPL", names: tuple[str, ...] = ("nbbo",), **options: Any) -> FetchRequest:
    return FetchRequest(lease, families(*names), 5_000, FOREVER, **{"reserved": True, **options})


def admit(made: Gate, lease: str = "quote:AAPL", names: tuple[str, ...] = ("nbbo",), **options: Any) -> Decision:
    return made.admit(request(lease, names, **options))


def granted(made: Gate, lease: str = "quote:AAPL", names: tuple[str, ...] = ("nbbo",), **options: Any) -> Permit:
    permit = admit(made, lease, names, **options)
    assert isinstance(permit, Permit)
    return permit


def observe(permit: Permit, outcome: CallOutcome, seconds: float = 0.1, pause_s: float = 0.0) -> None:
    permit.observe(Attempt(permit.family.name, permit.family, outcome, seconds, pause_s))


def end(
    made: Gate, permit: Permit, outcome: CallOutcome = CallOutcome.OK, seconds: float = 0.1, pause_s: float = 0.0
) -> None:
    if permit.paid:
        permit.spend(permit.family)
    observe(permit, outcome, seconds, pause_s)
    made.store.run(*permit.finished())


def test_a_call_that_was_paid_and_not_made_is_given_back(link: Link) -> None:
    made = gate(link, per_minute=1)
    link.run(*granted(made).given_up())
    end(made, granted(made, "quote:MSFT"))
    with pytest.raises(BudgetSpent):
        admit(made)


@pytest.mark.parametrize("outcome", [CallOutcome.UNREACHABLE, CallOutcome.KEY_MISSING])
def test_a_call_that_never_left_the_machine_spends_nothing(link: Link, outcome: CallOutcome) -> None:
    made = gate(link, per_minute=1)
    permit = granted(made)
    for _ in range(2):
        permit.spend(permit.family)
        observe(permit, outcome)
    assert permit.outcome.calls == 0
    link.run(*permit.given_up())
    end(made, granted(made))
    with pytest.raises(BudgetSpent):
        admit(made, "quote:MSFT")


def test_a_call_that_is_made_after_one_that_never_left_is_paid_once(link: Link) -> None:
    made = gate(link, per_minute=2)
    permit = granted(made)
    permit.spend(permit.family)
    observe(permit, CallOutcome.UNREACHABLE)
    end(made, permit)
    assert permit.outcome.calls == 1
    link.run(*granted(made, "quote:MSFT").given_up())
    granted(made, "quote:KO")
    with pytest.raises(BudgetSpent):
        admit(made, "quote:GOOG")


def test_while_the_upstream_cannot_be_reached_the_breaker_says_so(link: Link) -> None:
    made = gate(link)
    for n in range(5):
        end(made, granted(made, f"d{n}"), CallOutcome.UNREACHABLE)
    with pytest.raises(UpstreamUnreachable):
        admit(made, "x")
    link.clock_offset_us += 5 * S
    end(made, granted(made, "y"), CallOutcome.FAILED)
    with pytest.raises(UpstreamDown) as refused:
        admit(made, "z")
    assert refused.value.code == "upstream_unavailable"


def test_those_who_wait_share_that_the_upstream_cannot_be_reached(link: Link) -> None:
    made = gate(link)
    link.run(*granted(made).failed(UpstreamUnreachable(retry_after_s=1.0, fault="ConnectError")))
    with pytest.raises(UpstreamUnreachable):
        admit(made)


def test_a_permit_joins_another_fetch_with_its_own_call(link: Link) -> None:
    made = gate(link, per_minute=1)
    mine = granted(made)
    joined = made.join(mine, request("market", ("snapshot",)))
    assert isinstance(joined, Permit)
    assert (joined.request.lease, joined.family.name) == ("market", "snapshot")
    assert isinstance(admit(made, "market"), Wait)
    end(made, joined)
    link.run(plain("DEL", "dekr:{upstream}:lease:market"))
    with pytest.raises(BudgetSpent):
        admit(made, "market")


def test_who_waits_for_another_fetch_holds_no_call_meanwhile(link: Link) -> None:
    made = gate(link, per_minute=2)
    holder = granted(made, "market")
    mine = granted(made)
    with pytest.raises(BudgetSpent):
        admit(made, "quote:MSFT")
    assert isinstance(made.join(mine, request("market", ("snapshot",))), Wait)
    other = granted(made, "quote:MSFT")
    link.run(*other.given_up())
    # Who goes alone after all takes a call of the present moment.
    link.clock_offset_us += 30 * S
    mine.spend(Family("nbbo"))
    end(made, mine)
    end(made, holder)
    link.clock_offset_us += 32 * S
    granted(made, "a")
    with pytest.raises(BudgetSpent):
        admit(made, "b")


def test_no_permit_while_a_fetch_runs_that_may_bring_it_too(link: Link) -> None:
    made = gate(link)

    def admit_covered(*, reread: bool = False) -> Decision:
        return made.admit(request(covered_by="market"), reread=reread)

    market = granted(made, "market", ("market",))
    assert isinstance(admit_covered(), Wait)
    assert link.run(plain("ZCARD", "dekr:{upstream}:calls")) == [1]
    end(made, market)
    assert isinstance(admit_covered(), Done)
    assert isinstance(admit_covered(reread=True), Permit)


def test_a_failure_of_the_covering_fetch_is_no_reason_to_fail(link: Link) -> None:
    made = gate(link)
    link.run(*granted(made, "market", ("market",)).failed(UpstreamInvalid("garbage")))
    found = admit(made, covered_by="market")
    assert isinstance(found, Permit)


def test_an_outcome_from_ahead_of_the_clock_does_not_hold(link: Link) -> None:
    made = gate(link)
    link.clock_offset_us = 3600 * S
    end(made, granted(made))
    link.clock_offset_us = 0
    assert isinstance(admit(made), Permit)


def test_one_fetch_at_a_time_and_those_who_wait_read_again(link: Link) -> None:
    made = gate(link)
    permit = granted(made)
    assert isinstance(admit(made), Wait)
    assert isinstance(admit(made, "quote:MSFT"), Permit)
    end(made, permit)
    assert isinstance(admit(made), Done)
    assert isinstance(admit(made, floor_us=permit.stamp_us), Permit)  # the finished fetch is too old for this reader


def test_those_who_wait_share_a_failure_for_a_moment(link: Link) -> None:
    made = gate(link)
    link.run(*granted(made).failed(UpstreamInvalid("garbage")))
    with pytest.raises(UpstreamInvalid):
        admit(made)
    link.run(*granted(made, "quote:B").failed(BudgetSpent("mine", retry_after_s=1)))
    assert isinstance(admit(made, "quote:B"), Permit)


def test_a_lease_that_was_lost_is_not_renewed(link: Link) -> None:
    made = gate(link)
    slow = granted(made)
    slow.spend(Family("nbbo"))
    link.run(_delete(f"{link.prefix}{{upstream}}:lease:quote:AAPL"))
    quick = granted(made)
    with pytest.raises(UpstreamDown):
        slow.spend(Family("nbbo"))
    end(made, slow)  # does not touch the lease of the other
    assert isinstance(admit(made), Wait)
    end(made, quick)
    assert isinstance(admit(made), Done)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), per_minute=st.integers(1, 12))
def test_no_window_of_a_minute_holds_more_calls_than_the_plan_allows(link: Link, seed: int, per_minute: int) -> None:
    link.run(Command(("FLUSHALL",), ("",)))
    rng = random.Random(seed)
    serial = itertools.count()
    sandboxes = [Gate(link, per_minute, lambda: f"{seed}-{next(serial)}") for _ in range(3)]
    low: list[int] = []
    sent: deque[int] = deque()
    for step in range(60):
        reserved = rng.random() < 0.3
        with suppress(BudgetSpent):
            permit = admit(rng.choice(sandboxes), f"d{step}", reserved=reserved)
            assert isinstance(permit, Permit)
            sent.append(permit.stamp_us)
            if not reserved:
                low.append(len([s for s in sent if s > permit.stamp_us - 60 * S]))
        link.clock_offset_us += int(rng.expovariate(1 / 4) * S)
    for first in sent:
        assert len([s for s in sent if first <= s <= first + 60 * S]) <= per_minute
    assert max(low, default=0) <= max(1, int(per_minute * 0.8))


def test_a_budget_that_was_spent_comes_back_when_it_said(link: Link) -> None:
    made = gate(link, per_minute=2)
    granted(made, "a")
    link.clock_offset_us += 10 * S
    granted(made, "b")
    with pytest.raises(BudgetSpent) as refused:
        admit(made, "c")
    link.clock_offset_us += int(refused.value.retry_after_s * S) - S
    with pytest.raises(BudgetSpent):
        admit(made, "c")
    link.clock_offset_us += S
    granted(made, "c")


def test_a_throttled_call_pauses_everybody(link: Link) -> None:
    made = gate(link)
    end(made, granted(made), CallOutcome.THROTTLED, pause_s=12)
    with pytest.raises(BudgetSpent):
        admit(made, "quote:MSFT")
    link.clock_offset_us += 12 * S
    granted(made, "quote:MSFT")


@pytest.mark.parametrize(("per_minute", "seconds"), [(5, 12), (6_000, 1)])
def test_a_pause_without_a_time_lasts_as_long_as_one_call_of_the_plan(
    link: Link, per_minute: int, seconds: int
) -> None:
    made = gate(link, per_minute)
    end(made, granted(made), CallOutcome.THROTTLED)
    link.clock_offset_us += seconds * S - S // 2
    with pytest.raises(BudgetSpent):
        admit(made, "quote:MSFT")
    link.clock_offset_us += S // 2
    granted(made, "quote:MSFT")


def test_the_breaker_opens_probes_once_and_closes(link: Link) -> None:
    made = gate(link)
    for n in range(5):
        end(made, granted(made, f"d{n}"), CallOutcome.FAILED)
    with pytest.raises(UpstreamDown):
        admit(made, "x")
    granted(made, "y", ("aggs",))  # another family is not affected
    assert [bool(each.open_until_us) for each in made.state(families("nbbo", "aggs"))[1]] == [True, False]
    link.clock_offset_us += 5 * S
    probe = granted(made, "x")
    with pytest.raises(UpstreamDown):
        admit(made, "z")  # one probe at a time
    end(made, probe, CallOutcome.FAILED)
    link.clock_offset_us += 9 * S
    with pytest.raises(UpstreamDown):
        admit(made, "z")  # it stays away twice as long
    link.clock_offset_us += S
    end(made, granted(made, "z"))
    for n in range(3):
        granted(made, f"e{n}")


@pytest.mark.parametrize("outcome", [CallOutcome.NOT_FOUND, CallOutcome.MALFORMED, CallOutcome.OK])
def test_what_is_not_the_upstreams_failure_never_opens_the_breaker(link: Link, outcome: CallOutcome) -> None:
    made = gate(link)
    for n in range(20):
        end(made, granted(made, f"d{n}"), outcome)
    granted(made, "x")


def test_slow_calls_open_the_breaker(link: Link) -> None:
    made = gate(link)
    for n in range(5):
        end(made, granted(made, f"d{n}"), CallOutcome.OK, seconds=6)
    with pytest.raises(UpstreamDown):
        admit(made, "x")


@pytest.mark.parametrize("outcome", [CallOutcome.FAILED, CallOutcome.UNREACHABLE])
def test_two_slow_failures_in_a_row_open_the_breaker_however_far_apart(link: Link, outcome: CallOutcome) -> None:
    made = gate(link)
    end(made, granted(made, "a"), outcome, seconds=1.0)
    link.clock_offset_us += 600 * S
    end(made, granted(made, "b"), outcome, seconds=1.0)
    with pytest.raises(UpstreamDown):
        admit(made, "x")
    link.clock_offset_us += 5 * S
    end(made, granted(made, "y"))
    end(made, granted(made, "z"), outcome, seconds=1.0)
    granted(made, "x")


def test_slow_failures_with_a_success_between_them_leave_the_breaker_closed(link: Link) -> None:
    made = gate(link)
    for n in range(4):
        end(made, granted(made, f"bad{n}"), CallOutcome.FAILED, seconds=4.0)
        end(made, granted(made, f"good{n}"))
        link.clock_offset_us += 60 * S
    permit = granted(made)
    for outcome in (CallOutcome.FAILED, CallOutcome.OK, CallOutcome.FAILED):
        permit.spend(permit.family)
        observe(permit, outcome, seconds=4.0)
    link.run(*permit.given_up())
    granted(made, "x")


def test_failures_that_come_at_once_open_the_breaker_by_their_number_in_a_while(link: Link) -> None:
    made = gate(link)
    for n in range(8):
        end(made, granted(made, f"d{n}"), CallOutcome.FAILED)
        link.clock_offset_us += 10 * S
    granted(made, "x")


NAMES = ("nbbo", "snapshot")
MINUTES = (1, 5, 15, 60)
"""The minutes for which a family that the plan was believed to lack is left alone, one after each refusal that follows."""


def refuse(made: Gate, ticker: str, names: tuple[str, ...] = ("nbbo",)) -> None:
    """Fetch a ticker, and let the plan refuse the first family."""
    permit = granted(made, f"quote:{ticker}", names)
    permit.spend(permit.family)
    permit.observe(Attempt(permit.family.name, permit.family, CallOutcome.NOT_ENTITLED, 0.1, ticker=ticker))
    made.store.run(*permit.given_up())


def first_family(made: Gate, ticker: str) -> str:
    """The family that a fetch of the ticker would call; its call is given back."""
    permit = granted(made, f"quote:{ticker}", NAMES)
    made.store.run(*permit.given_up())
    return permit.family.name


def believed(made: Gate) -> Gate:
    """Let the plan refuse the family ``nbbo`` of two tickers, some time apart."""
    refuse(made, "AAPL")
    made.store.clock_offset_us += 10 * S
    refuse(made, "MSFT")
    return made


def test_one_refusal_counts_for_its_own_fetch_alone(link: Link) -> None:
    made = gate(link)
    refuse(made, "AAPL")
    assert first_family(made, "MSFT") == "nbbo"
    assert first_family(made, "AAPL") == "snapshot"
    assert not made.denied(Family("nbbo"), granted(made, "x", ("aggs",)).stamp_us)
    link.clock_offset_us += 60 * S
    assert first_family(made, "AAPL") == "nbbo"


def test_a_refusal_is_believed_when_another_tickers_follows_some_time_later(link: Link) -> None:
    made = gate(link)
    refuse(made, "AAPL")
    link.clock_offset_us += 9 * S
    refuse(made, "MSFT")  # both may be one bad moment of the upstream
    assert first_family(made, "GOOG") == "nbbo"
    link.clock_offset_us += S
    refuse(made, "MSFT")
    assert first_family(made, "GOOG") == "snapshot"
    assert made.denied(Family("nbbo"), granted(made, "x", ("snapshot",)).stamp_us)
    with pytest.raises(UpstreamNotEntitled):
        admit(made, "quote:GOOG")


def test_one_ticker_that_is_refused_again_and_again_proves_nothing_of_the_others(link: Link) -> None:
    made = gate(link)
    for minutes in (*MINUTES, 60):
        refuse(made, "ODD")
        link.clock_offset_us += (minutes * 60 - 1) * S
        assert first_family(made, "ODD") == "snapshot"
        assert first_family(made, "AAPL") == "nbbo"
        link.clock_offset_us += S


def test_refusals_of_calls_for_no_single_ticker_confirm_each_other(link: Link) -> None:
    made = gate(link)
    for lease in ("market", "market:snapshot"):
        permit = granted(made, lease)
        permit.spend(permit.family)
        observe(permit, CallOutcome.NOT_ENTITLED)
        link.run(*permit.given_up())
        link.clock_offset_us += 10 * S
    assert first_family(made, "AAPL") == "snapshot"


def test_a_success_between_two_refusals_proves_the_class_entitled(link: Link) -> None:
    made = gate(link)
    for n, ticker in enumerate(("ODD", "EVEN", "ODD", "EVEN")):
        refuse(made, ticker)
        link.clock_offset_us += 10 * S
        end(made, granted(made, f"d{n}"))
        assert first_family(made, "ODD") == first_family(made, "KO") == "nbbo"


def test_only_data_prove_that_the_plan_includes_a_family(link: Link) -> None:
    made = believed(gate(link))
    link.clock_offset_us += 60 * S
    for outcome in (CallOutcome.NOT_FOUND, CallOutcome.MALFORMED):
        end(made, granted(made, f"d{outcome}"), outcome)
        link.clock_offset_us += 5 * S
    assert first_family(made, "GOOG") == "nbbo"  # the probe; it is not made
    assert first_family(made, "KO") == "snapshot"


def test_what_the_plan_lacks_is_probed_by_one_fetch_at_a_time_and_ever_more_rarely(link: Link) -> None:
    made = believed(gate(link))
    for minutes in (*MINUTES, 60):
        link.clock_offset_us += (minutes * 60 - 1) * S
        assert first_family(made, "GOOG") == "snapshot"
        link.clock_offset_us += S
        probe = granted(made, "quote:KO", NAMES)
        assert probe.family.name == "nbbo"
        assert first_family(made, "GOOG") == "snapshot"  # while the probe is under way
        probe.spend(Family("nbbo"))
        probe.observe(Attempt("nbbo", Family("nbbo"), CallOutcome.NOT_ENTITLED, 0.1, ticker="KO"))
        assert probe.step_down().name == "snapshot"
        link.run(*probe.given_up())


def test_a_probe_that_brings_data_ends_the_denial(link: Link) -> None:
    made = believed(gate(link))
    link.clock_offset_us += 60 * S
    end(made, granted(made, "quote:KO", NAMES))
    assert first_family(made, "GOOG") == first_family(made, "AAPL") == "nbbo"


def test_a_probe_whose_sandbox_died_is_followed_by_another(link: Link) -> None:
    made = believed(gate(link))
    link.clock_offset_us += 60 * S
    granted(made, "quote:KO", NAMES)
    assert first_family(made, "GOOG") == "snapshot"
    link.clock_offset_us += 5 * S
    assert first_family(made, "GOOG") == "nbbo"


def test_a_fetch_goes_on_from_family_to_family_that_the_plan_lacks(link: Link) -> None:
    made = gate(link)
    permit = granted(made, names=NAMES)
    assert permit.family.name == "nbbo"
    permit.spend(Family("nbbo"))
    observe(permit, CallOutcome.NOT_ENTITLED)
    assert permit.step_down().name == "snapshot"
    permit.spend(Family("snapshot"))
    observe(permit, CallOutcome.NOT_ENTITLED)
    with pytest.raises(UpstreamNotEntitled) as refused:
        permit.step_down()
    link.run(*permit.given_up())
    assert permit.outcome.calls == 2
    with pytest.raises(UpstreamNotEntitled) as refused:
        admit(made, names=NAMES)
    assert refused.value.fault == "known from an earlier call"


def test_a_denial_from_ahead_of_the_clock_does_not_hold(link: Link) -> None:
    made = believed(gate(link))
    link.clock_offset_us -= 2 * 3600 * S
    assert first_family(made, "GOOG") == "nbbo"


def test_denials_are_forgotten_where_an_operator_says_so(link: Link) -> None:
    made = believed(gate(link))
    refuse(made, "KO", ("aggs",))
    assert made.forget_denials(families("nbbo", "snapshot", "aggs")) == ["nbbo", "aggs"]
    assert first_family(made, "GOOG") == first_family(made, "AAPL") == "nbbo"
    assert made.forget_denials(families("nbbo", "snapshot", "aggs")) == []


def test_a_clock_that_steps_back_does_not_lock_the_gate(link: Link) -> None:
    made = gate(link, per_minute=3)
    link.clock_offset_us = 3600 * S
    granted(made, "a")
    end(made, granted(made, "b"), CallOutcome.THROTTLED, pause_s=30)
    link.clock_offset_us = 0
    granted(made, "c")
    with pytest.raises(BudgetSpent):
        admit(made, "d")  # the calls of before still count
    link.clock_offset_us = 62 * S
    for lease in ("d", "e", "f"):
        granted(made, lease)


def test_who_finds_the_other_fetch_ended_gives_the_own_call_back(link: Link) -> None:
    made = gate(link, per_minute=2)
    mine = granted(made)
    end(made, granted(made, "market"))
    assert isinstance(made.join(mine, request("market", ("snapshot",))), Done)
    granted(made, "quote:MSFT")
    with pytest.raises(BudgetSpent):
        admit(made, "quote:GOOG")


def test_a_call_that_was_paid_for_the_next_family_and_not_made_is_given_back(link: Link) -> None:
    made = gate(link, per_minute=2)
    permit = granted(made, names=("nbbo", "snapshot"))
    permit.spend(Family("nbbo"))
    observe(permit, CallOutcome.NOT_ENTITLED)
    assert permit.step_down().name == "snapshot"
    with pytest.raises(BudgetSpent):
        admit(made, "quote:MSFT", ("aggs",))
    link.run(*permit.given_up())
    granted(made, "quote:MSFT", ("aggs",))
    with pytest.raises(BudgetSpent):
        admit(made, "quote:GOOG", ("aggs",))


def _delete(key: str) -> Command:
    return plain("DEL", key)
