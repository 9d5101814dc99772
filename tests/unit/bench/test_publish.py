"""A run of the benchmarks changes no tracked file; publishing its figures changes those that show them."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.__main__ import run
from bench.figures import BENCH, Figures
from bench.publish import publish
from bench.savings import table
from bench.savings.case import Case, Found
from tests.unit.bench.test_charts import RESULTS

ROOT = BENCH.parent


class Instant:
    """A benchmark that needs no time."""

    def run(self) -> Mapping[str, tuple[float, str]]:
        return {name: (value, "measured") for name, value in RESULTS.items()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tracked files with figures, in a repository of their own."""
    for name in ("bench/README.md", "bench/savings.json", "docs/charts", ".gitignore"):
        to = tmp_path / name
        to.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, to)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    """What git says in this folder."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout  # noqa: S603, S607 - ours


def changed(folder: Path) -> set[str]:
    """The files that differ from those of the start, and new ones that git does not ignore."""
    return {line[3:] for line in git(folder, "status", "--porcelain", "-uall").splitlines() if line[1] != " "}


DAY = Found(
    case=Case(seed=1, requests=10_000, mixed=True),
    calls=4_321,
    over_optimum=None,
    symbols=10,
    megabytes=1.0,
    violations=0,
    stale=0,
    delayed_hits=0,
    differing=0,
    busiest_second=1,
    warmer_calls=0,
    kinds={"universal": 1},
)


def test_a_run_leaves_the_working_tree_clean(copy: Path) -> None:
    figures = Figures(copy / "bench")
    run([Instant()], figures)
    assert changed(copy) == set()
    assert figures.results() == RESULTS


def test_publishing_writes_the_table_and_draws_the_charts(copy: Path) -> None:
    figures = Figures(copy / "bench")
    run([Instant()], figures)
    written = {str(path.relative_to(copy)) for path in publish(figures, copy / "docs/charts")}
    assert {"bench/README.md", "docs/charts/hit.svg", "docs/charts/saved.svg"} <= written
    assert {"bench/README.md", "docs/charts/hit.svg"} <= changed(copy) <= written
    assert "| `hit_get_us` | 80 | measured |" in (copy / "bench/README.md").read_text()


def test_nothing_is_published_twice(copy: Path) -> None:
    figures = Figures(copy / "bench")
    assert publish(figures, copy / "docs/charts") == []
    run([Instant()], figures)
    assert publish(figures, copy / "docs/charts")
    assert publish(figures, copy / "docs/charts") == []


def test_driven_days_are_published_the_same_way(copy: Path) -> None:
    figures, published = Figures(copy / "bench"), copy / "bench/savings.json"
    before = json.loads(published.read_text())
    table.keep([DAY], figures)
    table.keep_results([DAY], figures)
    assert changed(copy) == set()
    assert figures.savings()["mixed"]["10000"]["calls"]["mean"] == DAY.calls

    publish(figures, copy / "docs/charts")

    after = json.loads(published.read_text())
    assert after["mixed"]["10000"]["calls"]["mean"] == DAY.calls
    # Days that were not driven keep their figures.
    assert after["quotes"] == before["quotes"]
    assert "56.79" in (copy / "bench/README.md").read_text()
