"""The checker finds each broken promise in a history, and nothing else."""

import pytest

from bench.savings.checker import Answered, violations

SECOND = 1_000_000
START = 1_795_165_200 * SECOND  # 04:00 in New York, 20 November 2026
OPEN = START + 330 * 60 * SECOND
NOON = START + 8 * 3600 * SECOND
CLOSE = START + 720 * 60 * SECOND


def answered(at: int, age_s: float, tier: int = 7, data: str = "real_time", *, stale: bool = False) -> Answered:
    return Answered(at, tier, data, at - int(age_s * SECOND), stale)


REGULAR = [(1, 3600), (2, 900), (3, 900), (4, 300), (5, 300), (6, 60), (7, 30)]
EXTENDED = [(1, 3600), (2, 3600), (3, 3600), (4, 1200), (5, 1200), (6, 240), (7, 120)]
HISTORICAL = [(1, 86_400), (2, 3600), (3, 3600), (4, 1800), (5, 1800), (6, 300), (7, 300)]
NEWS = [(1, 7200), (2, 1800), (3, 1800), (4, 900), (5, 900), (6, 300), (7, 300)]
CASES = (
    [(NOON, "real_time", *row) for row in REGULAR]
    + [(START + SECOND, "real_time", *row) for row in EXTENDED]
    + [(CLOSE + SECOND, "real_time", *row) for row in EXTENDED]
    + [(at, "historical", *row) for row in HISTORICAL for at in (START + SECOND, NOON)]
    + [(at, "news", *row) for row in NEWS for at in (START + SECOND, NOON)]
)


@pytest.mark.parametrize(("at", "data", "tier", "allowed_s"), CASES)
def test_an_answer_is_too_old_from_its_tiers_age_on(at: int, data: str, tier: int, allowed_s: int) -> None:
    young = answered(at, allowed_s - 0.000001, tier, data)
    old = answered(at, allowed_s, tier, data)
    assert violations([young, old, young], START) == [old]


def test_what_is_labelled_as_stale_is_no_violation() -> None:
    assert violations([answered(NOON, 31, stale=True)], START) == []


def test_a_label_does_not_excuse_what_is_older_than_the_stale_window() -> None:
    late = answered(NOON, 30 + 3600, stale=True)
    assert violations([answered(NOON, 30 + 3599, stale=True), late], START) == [late]


def test_nobody_can_have_data_from_the_future() -> None:
    assert len(violations([answered(NOON, -0.000001)], START)) == 1


@pytest.mark.parametrize(("at", "found"), [(OPEN - 1, 0), (OPEN, 1), (CLOSE - 1, 1), (CLOSE, 0)])
def test_longer_ages_end_with_the_open_and_begin_with_the_close(at: int, found: int) -> None:
    assert len(violations([answered(at, 100)], START)) == found


def test_a_clean_history_has_no_violation() -> None:
    assert violations([answered(NOON + i * SECOND, i % 30) for i in range(200)], START) == []
