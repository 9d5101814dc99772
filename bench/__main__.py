"""``make bench``: runs every benchmark, prints one table, writes bench/results.json (name -> number)."""

import json
import platform
from pathlib import Path

from bench import batch, cold, hit, indicator, stampede

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Run them all, one after the other: side by side they would disturb each other."""
    results: dict[str, float] = {}
    for benchmark in (hit, batch, indicator, cold, stampede):
        found = benchmark.run()
        for name, (value, meaning) in found.items():
            results[name] = round(value, 3)
            print(f"{name:24} {value:10.3f}  {meaning}", flush=True)
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(f"Python {platform.python_version()} on {platform.machine()}; written to {RESULTS.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
