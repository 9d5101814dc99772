"""What bench/savings.json says, as tables for bench/README.md."""

from collections.abc import Mapping
from typing import Any, Final

from bench import readme
from bench.savings.baselines import BOUND, OPTIMUM

NAMES: Final = {
    "quotes": "quotes",
    "cold": "quotes, nothing remembered",
    "mixed": "mixed",
    "intraday": "mixed, bars mostly intraday",
}
"""The profiles of days in savings.json, in words."""

HEADS: Final = (
    "day",
    "requests",
    "seeds",
    "saved %",
    "calls over the optimum's",
    "optimum saves %",
    "bound saves %",
    "violations",
    "stale answers",
    "delayed hits",
    "megabytes",
    "busiest second",
)


def lines(kept: Mapping[str, Any]) -> list[str]:
    """What bench/savings.json says, as tables for bench/README.md."""
    profiles = [(name, kept[name]) for name in NAMES if name in kept]
    rows = [
        [
            NAMES[name],
            f"{int(size):,}",
            str(len(cell["runs"])),
            _range(cell["saved_pct"], 2),
            _range(cell["calls_over_optimum"], 3),
            _range(cell["baselines"].get(OPTIMUM, {}).get("saved_pct"), 2),
            _range(cell["baselines"].get(BOUND, {}).get("saved_pct"), 2),
            str(cell["violations"]),
            str(cell["stale"]),
            _range(cell["delayed_hits"], 0),
            _range(cell["megabytes"], 0),
            f"{cell['busiest_second']} of {cell['budget_a_second']}",
        ]
        for name, profile in profiles
        for size, cell in sorted(profile.items(), key=lambda item: int(item[0]))
    ]
    said = readme.table(HEADS, rows)
    others = [
        [name, f"{int(size):,}", _range(found["saved_pct"], 2), _range(found["violations"], 0)]
        for size, cell in sorted(kept.get("quotes", {}).items(), key=lambda item: int(item[0]))
        for name, found in cell["baselines"].items()
    ]
    if others:
        said += ["", "The same days of quotes under other policies:", ""]
        said += readme.table(("policy", "requests", "saved %", "violations"), others)
    if varied := kept.get("sensitivity"):
        cells = ("tiers", "popularity", "saved_pct", "optimum_pct", "bound_pct", "violations")
        said += ["", f"Other tiers and popularities, at {varied[0]['requests']:,} quotes a day:", ""]
        heads = ("tiers", "popularity", "saved %", "optimum saves %", "bound saves %", "violations")
        said += readme.table(heads, [[str(each[cell]) for cell in cells] for each in varied])
    return said


def _range(figures: Mapping[str, float] | None, digits: int) -> str:
    """A mean, with half the distance of the extremes."""
    if not figures:
        return ""
    half = figures["spread"] / 2
    return f"{figures['mean']:,.{digits}f}" + (f" ± {half:,.{digits}f}" if half else "")
