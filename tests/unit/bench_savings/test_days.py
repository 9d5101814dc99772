"""A day that was driven before is not driven again, unless something that it depends on has changed."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.savings.case import Case, Found
from bench.savings.days import DEPENDENCIES, ROOT, Days


@dataclass
class Runs:
    """A fake driver that counts the days that it drives."""

    cases: list[Case] = field(default_factory=list)

    def __call__(self, case: Case) -> Found:
        self.cases.append(case)
        return Found(case, 5, 0.5, 7, 1.25, 0, 0, 1, 0, 1, 0, {"market": 5}, {"bound": (94.5, 0)})


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def days(tmp_path: Path, runs: Runs) -> Days:
    (tmp_path / "code.py").write_text("first")
    return Days(tmp_path / "kept", tmp_path, ("*.py",), runs)


def test_a_day_is_driven_once(days: Days, runs: Runs) -> None:
    case = Case(1, 10_000)
    assert days.driven(case) == days.driven(case)
    assert runs.cases == [case]


def test_other_days_and_other_code_are_driven_anew(days: Days, runs: Runs) -> None:
    days.driven(Case(1, 10_000))
    days.driven(Case(1, 10_000, mixed=True))
    (days.root / "code.py").write_text("second")
    days.driven(Case(1, 10_000))
    assert len(runs.cases) == 3


def test_every_pattern_of_dependencies_matches_a_file() -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in DEPENDENCIES)
