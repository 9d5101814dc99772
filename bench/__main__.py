"""``make bench``: run every benchmark.

Prints one table, writes it into bench/README.md and the numbers into bench/results.json (name -> number), and draws the
charts.
"""

import json
import platform
from pathlib import Path

from bench import batch, charts, cold, eviction, hit, hit_parts, indicator, memory, peer_cpu, readme, shared, stampede

RESULTS = Path(__file__).parent / "results.json"
BENCHMARKS = (hit, hit_parts, batch, indicator, cold, peer_cpu, shared, stampede, memory, eviction)
SAVINGS_FIGURES = ("saved_pct", "violations", "calls_over_optimum")
"""The figures in bench/results.json that ``make bench-savings`` writes."""


def main() -> None:
    """Run all benchmarks one after the other, because they would disturb each other side by side."""
    previous = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows: list[tuple[str, str, str]] = []
    results: dict[str, float] = {name: previous[name] for name in SAVINGS_FIGURES if name in previous}
    for benchmark in BENCHMARKS:
        figures = benchmark.run()
        for name, (value, meaning) in figures.items():
            results[name] = round(value, 3)
            rows.append((f"`{name}`", f"{value:,.3f}".rstrip("0").rstrip("."), meaning))
            print(f"{name:26} {value:12.3f}  {meaning}", flush=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    readme.put(
        "what things cost", [*readme.table(("figure", "", "what it is"), rows), "", readme.machine("make bench")]
    )
    charts.main()
    print(f"Python {platform.python_version()} on {platform.machine()}; written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
