"""One day of the benchmark to drive, and its result."""

from dataclasses import dataclass, field
from typing import Any, Final

from bench.savings.baselines import BASELINES, OPTIMUM
from bench.savings.checker import violations
from bench.savings.drive import days_before, drive
from bench.savings.trace import HALF_DAYS, START_US, TIERS, Popularity, day

AS_DESIGNED: Final = "as designed"
AS_FITTED: Final = "as fitted"
TIER_MIXES: Final = {
    AS_DESIGNED: TIERS,
    "mostly free": (0.60, 0.10, 0.10, 0.08, 0.06, 0.04, 0.02),
    "mostly premium": (0.05, 0.05, 0.05, 0.10, 0.15, 0.25, 0.35),
}
POPULARITIES: Final = {
    AS_FITTED: Popularity(),
    "steeper": Popularity(power=1.3),
    "flatter": Popularity(power=0.7),
    "uniform": Popularity(power=0.0, fade=0.0),
}
MOSTLY_INTRADAY: Final = "mostly intraday"
BARS: Final = {AS_DESIGNED: HALF_DAYS, MOSTLY_INTRADAY: (0.35, 0.20, 0.15, 0.30)}


@dataclass(frozen=True)
class Case:
    """A day to drive. ``mixed``: all routes, not quotes alone; ``bars`` names the mix of lengths of bars.
    ``remember``: whether there were days before it. ``market``: whether the upstream's plan has the snapshot of the whole market.
    """

    seed: int
    requests: int
    mixed: bool = False
    remember: bool = True
    tiers: str = AS_DESIGNED
    popularity: str = AS_FITTED
    bars: str = AS_DESIGNED
    market: bool = True

    @property
    def varied(self) -> bool:
        """Whether the mix of tiers or the popularity of tickers differs from the usual one."""
        return (self.tiers, self.popularity) != (AS_DESIGNED, AS_FITTED)

    @property
    def profile(self) -> str:
        """The kind of the day: quotes, cold (quotes, nothing remembered), mixed, intraday (mixed, most bars are shorter than a
        day) or varied; no market and mixed, no market: the plan has no snapshot of the whole market.
        """
        if self.varied:
            return "varied"
        if not self.market:
            return "mixed, no market" if self.mixed else "no market"
        if self.mixed:
            return "mixed" if self.bars == AS_DESIGNED else "intraday"
        return "quotes" if self.remember else "cold"


@dataclass(frozen=True)
class Found:
    """The result of a day. ``calls``: the warmer's included. ``over_optimum``: calls over those of the offline optimum of one
    ticker a call (quotes alone). ``differing``: answers of handlers that were not the services'. ``baselines``: saved % and
    violations by policy (quotes alone).
    """

    case: Case
    calls: int
    over_optimum: float | None
    symbols: int
    megabytes: float
    violations: int
    stale: int
    delayed_hits: int
    differing: int
    busiest_second: int
    warmer_calls: int
    kinds: dict[str, int]
    baselines: dict[str, tuple[float, int]] = field(default_factory=dict)

    @property
    def saved_pct(self) -> float:
        """Share of the requests that cost no call, in per cent."""
        return saved_pct(self.calls, self.case.requests)


def run(case: Case) -> Found:
    """Drive the day and check what it gave."""
    options: dict[str, Any] = {
        "mixed": case.mixed,
        "tiers": TIER_MIXES[case.tiers],
        "popularity": POPULARITIES[case.popularity],
        "bars": BARS[case.bars],
    }
    trace = day(case.seed, case.requests, **options)
    before = days_before(case.seed, case.requests, **options) if case.remember else []
    driven = drive(trace, before, market=case.market)
    counts = driven.counts
    replayed = {} if case.mixed else {name: replay(trace) for name, replay in BASELINES.items()}
    return Found(
        case,
        counts.calls,
        counts.calls / replayed[OPTIMUM][0] if replayed else None,
        counts.symbols,
        counts.bytes / 1e6,
        len(violations(driven.history, START_US)),
        sum(answer.stale for answer in driven.history),
        driven.delayed_hits,
        driven.differing,
        counts.busiest_second,
        driven.warmer_calls,
        dict(counts.kinds),
        {name: (saved_pct(calls, case.requests), broken) for name, (calls, broken) in replayed.items()},
    )


def saved_pct(calls: int, requests: int) -> float:
    """Share of the requests that cost no call, in per cent."""
    return 100 * (1 - calls / requests)
