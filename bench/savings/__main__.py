"""``make bench-savings``: the table of saved calls. With a seed and a number of requests only that one, quickly.

python -m bench.savings [--seed N] [--requests N] [--seeds 5] [--jobs 2] [--profile quotes|mixed]
"""

import argparse
import json
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.savings.baselines import BASELINES
from bench.savings.checker import violations
from bench.savings.drive import PER_MINUTE, drive, yesterday_of
from bench.savings.trace import START_US, TIERS, Popularity, day

FOLDER: Final = Path(__file__).parents[1]
SIZES: Final = (10_000, 100_000, 1_000_000)
SEEDS: Final = 5
SENSITIVITY_AT: Final = 100_000
TIER_MIXES: Final = {
    "as designed": TIERS,
    "mostly free": (0.60, 0.10, 0.10, 0.08, 0.06, 0.04, 0.02),
    "mostly premium": (0.05, 0.05, 0.05, 0.10, 0.15, 0.25, 0.35),
}
POPULARITIES: Final = {
    "as fitted": Popularity(),
    "steeper": Popularity(power=1.3),
    "flatter": Popularity(power=0.7),
    "uniform": Popularity(power=0.0, fade=0.0),
}


@dataclass(frozen=True)
class Case:
    """One day to drive."""

    seed: int
    requests: int
    mixed: bool = False
    remember: bool = True
    tiers: str = "as designed"
    popularity: str = "as fitted"


@dataclass(frozen=True)
class Found:
    """What the day gave. ``baselines``: saved % and violations by policy (quotes only)."""

    case: Case
    calls: int
    saved_pct: float
    calls_over_optimum: float | None
    symbols: int
    megabytes: float
    violations: int
    stale: int
    delayed_hits: int
    busiest_second: int
    warmer_calls: int
    kinds: dict[str, int]
    baselines: dict[str, tuple[float, int]] = field(default_factory=dict)


def run(case: Case) -> Found:
    """Drive one day and judge it."""
    how: dict[str, Any] = {
        "mixed": case.mixed,
        "tiers": TIER_MIXES[case.tiers],
        "popularity": POPULARITIES[case.popularity],
    }
    trace = day(case.seed, case.requests, **how)
    given = drive(trace, yesterday_of(case.seed, case.requests, **how) if case.remember else None)
    upstream = given.upstream
    assert upstream is not None
    played = {} if case.mixed else {name: replay(trace) for name, replay in BASELINES.items()}
    optimum = played["single symbol, reader's max-age"][0] if played else None
    return Found(
        case,
        upstream.calls,
        _saved(upstream.calls, case.requests),
        upstream.calls / optimum if optimum else None,
        upstream.symbols,
        upstream.bytes / 1e6,
        len(violations(given.history, START_US)),
        sum(answer.stale for answer in given.history),
        given.delayed_hits,
        upstream.busiest_second,
        given.warmer_calls,
        dict(upstream.kinds),
        {name: (_saved(calls, case.requests), broken) for name, (calls, broken) in played.items()},
    )


def main() -> None:
    """Drive what was asked for, print it, and keep the figures of a whole run."""
    parser = argparse.ArgumentParser(
        description="How many upstream calls the service saves, and whether its promise held."
    )
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--requests", type=int, help="only days of so many requests")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--profile", choices=("quotes", "mixed"), help="only this profile")
    parser.add_argument("--jobs", type=int, default=2, help="days driven side by side: they count calls, not time")
    asked = parser.parse_args()
    sizes = [asked.requests] if asked.requests else list(SIZES)
    seeds = [asked.seed] if asked.seed is not None else list(range(1, asked.seeds + 1))
    profiles = [asked.profile] if asked.profile else ["quotes", "mixed"]
    whole = asked.requests is None and asked.seed is None
    cases = [Case(seed, size, profile == "mixed") for size in sizes for profile in profiles for seed in seeds]
    if whole and "quotes" in profiles:
        cases += [Case(seeds[0], size, remember=False) for size in sizes]
        cases += [Case(seeds[0], SENSITIVITY_AT, tiers=mix) for mix in TIER_MIXES]
        cases += [Case(seeds[0], SENSITIVITY_AT, popularity=shape) for shape in POPULARITIES]
    found: list[Found] = []
    with ProcessPoolExecutor(asked.jobs, max_tasks_per_child=1) as pool:
        for each in pool.map(run, cases):
            found.append(each)
            print(_line(each), flush=True)
            if whole:
                _keep(found)
    _print(found, sizes)


def _line(found: Found) -> str:
    case = found.case
    over = "" if found.calls_over_optimum is None else f"  {found.calls_over_optimum:.3f} of the single-symbol optimum"
    return (
        f"{'mixed ' if case.mixed else 'quotes'} {case.requests:>9,} requests, seed {case.seed}, {case.tiers}, {case.popularity}"
        f"{'' if case.remember else ', cold'}: saved {found.saved_pct:.2f} % ({found.calls} calls {found.kinds}){over}; "
        f"{found.symbols:,} symbols, {found.megabytes:,.0f} MB; violations {found.violations}, stale {found.stale}, "
        f"delayed hits {found.delayed_hits}, busiest second {found.busiest_second} of {PER_MINUTE // 60}, "
        f"warmer {found.warmer_calls}"
    )


def _print(found: list[Found], sizes: list[int]) -> None:
    print(f"\n{'':34}" + "".join(f"{size:>18,}" for size in sizes))
    for mixed, title in ((False, "quotes"), (True, "mixed routes")):
        cells = [_of(found, size, mixed=mixed) for size in sizes]
        print(f"{title + ', saved %':34}" + "".join(f"{_spread([f.saved_pct for f in cell]):>18}" for cell in cells))
        print(f"{'  violations':34}" + "".join(f"{sum(f.violations for f in cell):>18}" for cell in cells))
    for name in BASELINES:
        cells = [_of(found, size, mixed=False) for size in sizes]
        text = [_spread([f.baselines[name][0] for f in cell]) for cell in cells]
        broken = [sum(f.baselines[name][1] for f in cell) for cell in cells]
        print(
            f"{name:34}" + "".join(f"{each:>18}" for each in text) + (f"  violations {broken}" if any(broken) else "")
        )


def _keep(found: list[Found]) -> None:
    """Write bench/savings.json, and the figures of the largest day of quotes so far into bench/results.json."""
    path = FOLDER / "savings.json"
    kept: dict[str, Any] = {"quotes": {}, "mixed": {}, "cold": {}, "sensitivity": []}
    if path.exists():
        kept |= json.loads(path.read_text())
    for size in SIZES:
        for mixed in (False, True):
            cell = _of(found, size, mixed=mixed)
            if cell:
                kept["mixed" if mixed else "quotes"][str(size)] = _summary(cell)
        for each in found:
            if each.case.requests == size and not each.case.remember:
                kept["cold"][str(size)] = {"saved_pct": each.saved_pct, "violations": each.violations}
    varied = [
        {"tiers": f.case.tiers, "popularity": f.case.popularity, "saved_pct": f.saved_pct, "violations": f.violations}
        for f in found[-len(TIER_MIXES) - len(POPULARITIES) :]
        if f.case.requests == SENSITIVITY_AT and f.case.remember and not f.case.mixed
    ]
    if any(each["tiers"] != "as designed" or each["popularity"] != "as fitted" for each in varied):
        kept["sensitivity"] = varied
    path.write_text(json.dumps(kept, indent=2) + "\n")
    quotes = [f for f in found if f.case == Case(f.case.seed, f.case.requests)]
    if not quotes:
        return
    last = quotes[-1]
    results = json.loads((FOLDER / "results.json").read_text())
    results |= {
        "saved_pct": round(last.saved_pct, 3),
        "violations": sum(f.violations for f in found),
        "calls_over_optimum": round(last.calls_over_optimum or 0.0, 4),
    }
    (FOLDER / "results.json").write_text(json.dumps(results, indent=2) + "\n")


def _summary(cell: list[Found]) -> dict[str, Any]:
    return {
        "saved_pct": _figures([f.saved_pct for f in cell]),
        "violations": sum(f.violations for f in cell),
        "stale": sum(f.stale for f in cell),
        "calls": _figures([f.calls for f in cell]),
        "calls_over_optimum": None
        if cell[0].calls_over_optimum is None
        else _figures([f.calls_over_optimum or 0.0 for f in cell]),
        "megabytes": _figures([f.megabytes for f in cell]),
        "symbols": _figures([f.symbols for f in cell]),
        "delayed_hits": _figures([f.delayed_hits for f in cell]),
        "busiest_second": max(f.busiest_second for f in cell),
        "warmer_calls": _figures([f.warmer_calls for f in cell]),
        "baselines": {
            name: {
                "saved_pct": _figures([f.baselines[name][0] for f in cell]),
                "violations": sum(f.baselines[name][1] for f in cell),
            }
            for name in cell[0].baselines
        },
        "runs": [asdict(f.case) | {"saved_pct": f.saved_pct, "kinds": f.kinds} for f in cell],
    }


def _of(found: list[Found], size: int, *, mixed: bool) -> list[Found]:
    """The days of this size as designed, one for each seed."""
    cells = {
        f.case.seed: f
        for f in found
        if (f.case.requests, f.case.mixed, f.case.remember, f.case.tiers, f.case.popularity)
        == (size, mixed, True, "as designed", "as fitted")
    }
    return list(cells.values())


def _figures(values: list[float]) -> dict[str, float]:
    return {"mean": statistics.fmean(values), "spread": max(values) - min(values)}


def _spread(values: list[float]) -> str:
    return f"{statistics.fmean(values):.2f} ± {(max(values) - min(values)) / 2:.2f}" if values else "-"


def _saved(calls: int, requests: int) -> float:
    return 100 * (1 - calls / requests)


if __name__ == "__main__":
    main()
