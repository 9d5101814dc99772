"""The content of bench/savings.json as tables for bench/README.md."""

from collections.abc import Mapping
from typing import Any, Final

from bench import readme
from bench.savings.baselines import BOUND, OPTIMUM

PROFILE_NAMES: Final = {
    "quotes": "quotes",
    "cold": "quotes, nothing remembered",
    "mixed": "mixed",
    "intraday": "mixed, bars mostly intraday",
    "no market": "quotes, no market snapshot",
    "mixed, no market": "mixed, no market snapshot",
}
"""The profiles of days in savings.json, and their names for readers."""

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


def lines(savings: Mapping[str, Any]) -> list[str]:
    """Return the lines of the tables for bench/README.md. ``savings``: the content of bench/savings.json."""
    profiles = [(name, savings[name]) for name in PROFILE_NAMES if name in savings]
    rows = [
        [
            PROFILE_NAMES[name],
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
    tables = readme.table(HEADS, rows)
    policy_rows = [
        [name, f"{int(size):,}", _range(policy["saved_pct"], 2), _range(policy["violations"], 0)]
        for size, cell in sorted(savings.get("quotes", {}).items(), key=lambda item: int(item[0]))
        for name, policy in cell["baselines"].items()
    ]
    if policy_rows:
        tables += ["", "The same days of quotes under other policies:", ""]
        tables += readme.table(("policy", "requests", "saved %", "violations"), policy_rows)
    if sensitivity := savings.get("sensitivity"):
        cells = ("tiers", "popularity", "saved_pct", "optimum_pct", "bound_pct", "violations")
        tables += ["", f"Other tiers and popularities, at {sensitivity[0]['requests']:,} quotes a day:", ""]
        heads = ("tiers", "popularity", "saved %", "optimum saves %", "bound saves %", "violations")
        tables += readme.table(heads, [[str(each[cell]) for cell in cells] for each in sensitivity])
    return tables


def _range(figures: Mapping[str, float] | None, digits: int) -> str:
    """Return a mean and half the distance between the extremes as text, or an empty text if there are no figures."""
    if not figures:
        return ""
    half = figures["spread"] / 2
    return f"{figures['mean']:,.{digits}f}" + (f" ± {half:,.{digits}f}" if half else "")
