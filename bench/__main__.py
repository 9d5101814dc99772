"""``make bench``: run every benchmark.

Prints one table, writes the numbers into bench/results.json (name -> number) and keeps the table for ``make bench-publish``, which
writes it into bench/README.md and draws the charts. No file that git tracks is changed.
"""

import platform
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from bench import batch, cold, eviction, hit, hit_parts, indicator, memory, peer_cpu, readme, shared, stampede
from bench.figures import COSTS, Figures

SAVINGS_FIGURES: Final = ("saved_pct", "violations", "calls_over_optimum")
"""The figures in bench/results.json that ``make bench-savings`` writes."""


class Benchmark(Protocol):
    """A benchmark."""

    def run(self) -> Mapping[str, tuple[float, str]]:
        """Measure, and return the figures by name: each with its meaning."""
        ...


BENCHMARKS: Final[Sequence[Benchmark]] = (
    *(hit, hit_parts, batch, indicator, cold, peer_cpu, shared, stampede, memory, eviction),
)


def run(benchmarks: Sequence[Benchmark], figures: Figures) -> None:
    """Run the benchmarks one after the other, because they would disturb each other side by side, and keep their figures."""
    previous = figures.results()
    rows: list[tuple[str, str, str]] = []
    results: dict[str, float] = {name: previous[name] for name in SAVINGS_FIGURES if name in previous}
    for benchmark in benchmarks:
        for name, (value, meaning) in benchmark.run().items():
            results[name] = round(value, 3)
            rows.append((f"`{name}`", f"{value:,.3f}".rstrip("0").rstrip("."), meaning))
            print(f"{name:26} {value:12.3f}  {meaning}", flush=True)
    figures.write_results(results)
    figures.write_part(COSTS, [*readme.table(("figure", "", "what it is"), rows), "", readme.machine("make bench")])


if __name__ == "__main__":
    run(BENCHMARKS, Figures())
    print(
        f"Python {platform.python_version()} on {platform.machine()}; `make bench-publish` writes this into bench/README.md"
    )
