"""An indicator on cached bars, compared with reading those bars: the services alone, without the JSON that both have.

The indicator is MACD, the costliest formula, of 1 000 day bars and of the 676 bars before them that its values depend
on.
"""

from bench.pairs import paired
from dekr.access.principal import Principal, Role
from dekr.market.bars.model import Range
from dekr.market.bars.segments import Series, Timespan
from dekr.market.indicators.study import FORMULAS, Indicator, Price, Study
from dekr.market.read.context import ReadContext
from dekr.store.link import Link
from dekr.tiers import Tier
from tests.patience import always, patient
from tests.redis_servers import redis_single
from tests.world import World

ROUNDS = 1_000
ROUND_S = 0.05
"""The clock is driven on by this many seconds after each round, so that the rate limit is never reached."""

VALUES = 1_000
NOW = "2026-11-21T12:00:00Z"
"""The market is closed, and the bars are read up to the day before, so no entry ages while the benchmark runs."""

UNTIL_MS = 1_795_132_800_000


def run() -> dict[str, tuple[float, str]]:
    """Measure ``indicator_calls`` and ``indicator_ratio``. Return each figure's value and meaning."""
    with redis_single() as server:
        world = World(patient(Link.open(server.url)))
        world.to(NOW)
        services = world.services
        user = Principal("bench", Tier(7), Role.USER, "bench")
        series = Series("AAPL", 1, Timespan.DAY, adjusted=True)
        study = Study(Indicator.MACD, tuple(FORMULAS[Indicator.MACD].windows.values()), Price.CLOSE)
        values, rows = Range(0, UNTIL_MS, VALUES), Range(0, UNTIL_MS, VALUES + study.history_bars)

        def new_context() -> ReadContext:
            return ReadContext(services.limiter.rate_charge(user, "indicators"), user.tier.policy, always(20))

        def read() -> None:
            services.bars.newest(new_context(), series, rows)

        def compute() -> None:
            services.indicators.newest(new_context(), series, study, values)

        read()
        calls = len(world.upstream.calls)
        ratio, ours, theirs = paired(compute, read, lambda: world.later(ROUND_S), ROUNDS)
        calls = len(world.upstream.calls) - calls
    return {
        "indicator_calls": (calls, f"upstream calls of {ROUNDS} MACDs on cached bars (0)"),
        "indicator_ratio": (
            ratio,
            f"MACD of {VALUES} bars p50 {ours * 1e6:.0f} us over reading them p50 {theirs * 1e6:.0f} us (at most 2)",
        ),
    }
