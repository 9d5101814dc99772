"""``make bench-savings``: drive days of requests, print the tables, write bench/results.json, and keep the figures of whole
runs for ``make bench-publish``.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from bench.figures import Figures
from bench.savings import table
from bench.savings.case import AS_DESIGNED, AS_FITTED, MOSTLY_INTRADAY, POPULARITIES, TIER_MIXES, Case, Found
from bench.savings.days import driven

SIZES: Final = (10_000, 100_000, 1_000_000)
SEEDS: Final = 5
SENSITIVITY_AT: Final = 100_000


def main() -> None:
    """Drive the days that the options select. Of the figures in savings.json only the driven sizes and profiles are
    replaced, and nothing where a single seed is driven.
    """
    parser = argparse.ArgumentParser(
        description="How many upstream calls the service saves, and whether its promise held."
    )
    parser.add_argument("--seed", type=int, help="this seed alone")
    parser.add_argument("--requests", type=int, help="days of so many requests alone")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="so many seeds, from 1 on")
    parser.add_argument("--profile", choices=("quotes", "mixed"), help="this profile alone")
    parser.add_argument(
        "--no-market",
        dest="market",
        action="store_false",
        help="days of a plan without the market snapshot, and no others",
    )
    parser.add_argument("--jobs", type=int, default=2, help="days driven side by side: they count calls, not time")
    options = parser.parse_args()
    whole = options.seed is None
    sizes = [options.requests] if options.requests else list(SIZES)
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    profiles = [options.profile] if options.profile else ["quotes", "mixed"]
    cases = [
        Case(seed, size, profile == "mixed", market=options.market)
        for size in sizes
        for profile in profiles
        for seed in seeds
    ]
    others = whole and options.market
    if others and "quotes" in profiles:
        cases += [Case(seeds[0], size, remember=False) for size in sizes]
        if SENSITIVITY_AT in sizes:
            cases += [Case(seeds[0], SENSITIVITY_AT, tiers=name) for name in TIER_MIXES if name != AS_DESIGNED]
            cases += [Case(seeds[0], SENSITIVITY_AT, popularity=name) for name in POPULARITIES if name != AS_FITTED]
    if others and "mixed" in profiles and SENSITIVITY_AT in sizes:
        cases.append(Case(seeds[0], SENSITIVITY_AT, mixed=True, bars=MOSTLY_INTRADAY))
    figures = Figures()
    found: list[Found] = []
    # Each in a process of its own: a day of a million requests leaves a lot behind.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(options.jobs, len(cases)), fresh, max_tasks_per_child=1) as pool:
        for each in pool.map(driven, cases):
            found.append(each)
            print(table.line(each), flush=True)
            if whole:
                table.keep(found, figures)
    table.print_tables(found)
    table.keep_results(found, figures)


if __name__ == "__main__":
    main()
