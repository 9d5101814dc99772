"""The tables of saved calls: those on the screen, and the figures that are kept."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from bench import readme as markdown
from bench.figures import SAVED, Figures
from bench.savings import report
from bench.savings.baselines import BASELINES, BOUND, OPTIMUM
from bench.savings.case import Found
from bench.savings.drive import PER_MINUTE

ROWS: Final[dict[str, Callable[[Found], float | None]]] = {
    "saved %": lambda day: day.saved_pct,
    "upstream calls": lambda day: day.calls,
    "calls / single-symbol optimum": lambda day: day.over_optimum,
    "symbols fetched": lambda day: day.symbols,
    "megabytes fetched": lambda day: day.megabytes,
    "calls of the warmer": lambda day: day.warmer_calls,
    "freshness violations": lambda day: day.violations,
    "stale-if-error answers": lambda day: day.stale,
    "delayed hits": lambda day: day.delayed_hits,
    "handler's answers that differ": lambda day: day.differing,
    f"busiest second (budget {PER_MINUTE // 60})": lambda day: day.busiest_second,
}
"""The rows of the table on the screen: name, and the figure of a day."""


def line(day: Found) -> str:
    """Return the summary of one day as one line."""
    case = day.case
    kind = report.PROFILE_NAMES.get(case.profile, f"tiers {case.tiers}, popularity {case.popularity}")
    return (
        f"{kind}: {case.requests:,} requests, seed {case.seed}: saved {day.saved_pct:.2f} %, {day.calls} calls "
        f"{day.kinds}, {day.violations} violations"
    )


def print_tables(days: Sequence[Found]) -> None:
    """Print the figures of each profile by size, then those of the varied days.

    A figure is the mean over the seeds ± half the distance between the extremes.
    """
    for profile, title in report.PROFILE_NAMES.items():
        cells = [_cell(days, size, profile) for size in _sizes(days)]
        if not any(cells):
            continue
        seeds = sorted({each.case.seed for cell in cells for each in cell})
        print(f"\n{title} (seeds {', '.join(map(str, seeds))})")
        print(f"{'requests a day':34}" + "".join(f"{size:>22,}" for size in _sizes(days)))
        for name, value in ROWS.items():
            if any(value(each) is not None for cell in cells for each in cell):
                print(f"{name:34}" + "".join(f"{_spread([value(each) for each in cell]):>22}" for cell in cells))
        for name in BASELINES if profile in ("quotes", "cold", "no market") else ():
            saved = [_spread([each.baselines[name][0] for each in cell]) for cell in cells]
            print(f"{'  ' + name + ', saved %':34}" + "".join(f"{each:>22}" for each in saved))
            if any(each.baselines[name][1] for cell in cells for each in cell):
                broken = [_spread([each.baselines[name][1] for each in cell]) for cell in cells]
                print(f"{'    its violations':34}" + "".join(f"{each:>22}" for each in broken))
    varied = _varied(days)
    if len(varied) > 1:
        names = ("saved %", "single symbol", "whole market", "violations")
        print(f"\n{'tiers':18}{'popularity':14}" + "".join(f"{name:>16}" for name in names))
        for each in varied:
            figures = (each.saved_pct, each.baselines[OPTIMUM][0], each.baselines[BOUND][0])
            row = "".join(f"{figure:>16.2f}" for figure in figures)
            print(f"{each.case.tiers:18}{each.case.popularity:14}{row}{each.violations:>16}")


def keep(days: Sequence[Found], figures: Figures) -> None:
    """Keep the figures and the tables of these days for ``make bench-publish``. They replace the earlier ones of the same profile
    and size.
    """
    savings = figures.savings()
    for profile in report.PROFILE_NAMES:
        for size in _sizes(days):
            if cell := _cell(days, size, profile):
                savings.setdefault(profile, {})[str(size)] = _summary(cell)
    varied = _varied(days)
    if len(varied) > 1:
        savings["sensitivity"] = [
            {
                "tiers": each.case.tiers,
                "popularity": each.case.popularity,
                "requests": each.case.requests,
                "saved_pct": round(each.saved_pct, 3),
                "optimum_pct": round(each.baselines[OPTIMUM][0], 3),
                "bound_pct": round(each.baselines[BOUND][0], 3),
                "violations": each.violations,
            }
            for each in varied
        ]
    figures.write_savings(savings)
    figures.write_part(SAVED, [*report.lines(savings), "", markdown.machine("make bench-savings")])


def keep_results(days: Sequence[Found], figures: Figures) -> None:
    """Write saved_pct and calls_over_optimum of the largest days of quotes, and all violations, into bench/results.json."""
    for size in reversed(_sizes(days)):
        if cell := _cell(days, size, "quotes"):
            results = figures.results()
            results["saved_pct"] = round(statistics.fmean(each.saved_pct for each in cell), 3)
            results["violations"] = sum(each.violations for each in days)
            results["calls_over_optimum"] = round(statistics.fmean(each.over_optimum or 0.0 for each in cell), 4)
            figures.write_results(results)
            return


def _summary(cell: Sequence[Found]) -> dict[str, Any]:
    return {
        "saved_pct": _figures([each.saved_pct for each in cell]),
        "violations": sum(each.violations for each in cell),
        "stale": sum(each.stale for each in cell),
        "differing": sum(each.differing for each in cell),
        "calls": _figures([each.calls for each in cell]),
        "calls_over_optimum": _figures([each.over_optimum for each in cell if each.over_optimum is not None]),
        "symbols": _figures([each.symbols for each in cell]),
        "megabytes": _figures([each.megabytes for each in cell]),
        "delayed_hits": _figures([each.delayed_hits for each in cell]),
        "busiest_second": max(each.busiest_second for each in cell),
        "budget_a_second": PER_MINUTE // 60,
        "warmer_calls": _figures([each.warmer_calls for each in cell]),
        "baselines": {
            name: {
                "saved_pct": _figures([each.baselines[name][0] for each in cell]),
                "violations": _figures([each.baselines[name][1] for each in cell]),
            }
            for name in cell[0].baselines
        },
        "runs": [asdict(each.case) | {"saved_pct": round(each.saved_pct, 3), "kinds": each.kinds} for each in cell],
    }


def _sizes(days: Sequence[Found]) -> list[int]:
    return sorted({each.case.requests for each in days})


def _cell(days: Sequence[Found], size: int, profile: str) -> list[Found]:
    """Return the days of this size and profile, one for each seed."""
    return [each for each in days if (each.case.requests, each.case.profile) == (size, profile)]


def _varied(days: Sequence[Found]) -> list[Found]:
    """Return the days with other tiers or another popularity, after the default day of the same seed and size."""
    varied = [each for each in days if each.case.varied]
    varied_days = {(each.case.seed, each.case.requests) for each in varied}
    default_days = [
        each for each in days if each.case.profile == "quotes" and (each.case.seed, each.case.requests) in varied_days
    ]
    return default_days + varied


def _figures(values: Sequence[float]) -> dict[str, float] | None:
    """Return the mean and the distance between the extremes, or None if there are no values."""
    if not values:
        return None
    return {"mean": round(statistics.fmean(values), 4), "spread": round(max(values) - min(values), 4)}


def _spread(values: Sequence[float | None]) -> str:
    """Return the mean ± half the distance between the extremes as text. Values that are None are left out."""
    figures = [value for value in values if value is not None]
    if not figures:
        return "-"
    mean, half = statistics.fmean(figures), (max(figures) - min(figures)) / 2
    exact = all(isinstance(figure, int) for figure in figures)
    digits = 0 if exact or mean >= 1_000 else 2 if mean >= 1 else 4  # noqa: PLR2004 - as many digits as are meaningful
    return f"{mean:,.{digits}f} ± {half:,.{digits}f}" if len(figures) > 1 else f"{mean:,.{digits}f}"
