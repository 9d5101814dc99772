"""The policy that decides how much one upstream call brings where a quote or trade is missing.

The rule: where at least one request for another ticker is expected while what is fetched is good for anybody, the whole market
in one call, else the missing ticker alone. Where the plan has no snapshot of the market, the best 250, by this index: expected
requests a second x age of the entry x number of tiers that it is too old for, now or by the next such call if that comes
as late as this one. docs/adr/0013 has what was measured, and which finer and plainer rules did not do.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dekr import sessions
from dekr.cache.freshness import SECOND_US, final_floor_us, real_time_age_s
from dekr.cache.keys import Datum
from dekr.market.demand.forecast import Forecast
from dekr.polygon.endpoints import UNIVERSAL
from dekr.sessions import Session
from dekr.tiers import MAX_REAL_TIME_S, POLICIES

OLDEST_S: Final = float(MAX_REAL_TIME_S)
"""The age up to which an entry is good for at least one tier; an older one is too old for every tier."""


@dataclass(frozen=True, slots=True)
class RefreshScope:
    """Decides which tickers one call refreshes, from those whose ``datum`` is missing (none where nobody waits) and the requests
    that are expected next.
    """

    tickers: Sequence[str]
    datum: Datum
    forecast: Forecast

    @property
    def shared(self) -> bool:
        """Whether the call should bring other tickers, too."""
        missing = set(self.tickers)
        others = sum(each.rate for each in self.forecast.tickers if each.ticker not in missing)
        return others * OLDEST_S >= 1

    def best_others(self) -> list[str]:
        """The other tickers that a call for 250 refreshes: those with the highest index (see the module), highest first."""
        now_us, missing = self.forecast.now_us, set(self.tickers)
        settled_us = _settled_us(now_us)
        session = sessions.at(now_us).session
        limits_s = sorted(real_time_age_s(policy.real_time_s, session) for policy in POLICIES.values())
        since_last_s = (now_us - max((each.stamp_us for each in self.forecast.tickers), default=0)) / SECOND_US
        indexed: list[tuple[float, str]] = []
        for each in self.forecast.tickers:
            if each.ticker in missing or (settled_us is not None and each.stamp_us > settled_us):
                continue
            age_s = min(OLDEST_S, (now_us - each.stamp_us) / SECOND_US)
            refusing = bisect_right(limits_s, age_s + since_last_s)
            if refusing:
                indexed.append((each.rate * age_s * refusing, each.ticker))
        indexed.sort(reverse=True)
        return [ticker for _, ticker in indexed[: max(0, UNIVERSAL.max_limit - len(missing))]]


def _settled_us(now_us: int) -> int | None:
    """The moment after which fetched entries have settled, so that nobody needs newer ones; None while the market is open."""
    moment = sessions.at(now_us)
    return final_floor_us(moment.since_us) if moment.session is Session.CLOSED else None
