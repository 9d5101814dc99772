"""How much one upstream call should bring where a quote or trade is missing.

The rule: where at least one request for another ticker is expected while what is fetched is good for anybody, the whole market
in one call, else the missing ticker alone. Where the plan has no snapshot of the market, the best 250, by this index: expected
requests a second x age of the entry x number of tiers that may not have it any more, now or by the next such call if that comes
as late as this one. docs/adr/0013 has what was measured, and which finer and plainer rules did not do.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dekr import sessions
from dekr.cache.freshness import SECOND_US, real_time_age_s, settled_floor_us
from dekr.cache.keys import Datum
from dekr.market.demand.forecast import Forecast
from dekr.polygon.endpoints import UNIVERSAL
from dekr.sessions import Session
from dekr.tiers import MAX_REAL_TIME_S, POLICIES

OLDEST_S: Final = float(MAX_REAL_TIME_S)
"""An entry is good for the most patient tier so long; one that is older is too old for every tier."""


@dataclass(frozen=True, slots=True)
class Miss:
    """The tickers whose ``datum`` is missing (none where nobody waits), and what is expected to be read next."""

    tickers: Sequence[str]
    datum: Datum
    forecast: Forecast

    @property
    def shared(self) -> bool:
        """Whether a call should bring other tickers along."""
        own = set(self.tickers)
        others = sum(each.rate for each in self.forecast.tickers if each.ticker not in own)
        return others * OLDEST_S >= 1

    @property
    def settled(self) -> bool:
        """Whether the market is closed and was fetched since, so that nobody needs newer quotes of it."""
        settled_us = _settled_us(self.forecast.now_us)
        return settled_us is not None and self.forecast.market_us > settled_us

    def along(self) -> list[str]:
        """The tickers to refresh along where one call takes 250, by the index, best first."""
        now_us, own = self.forecast.now_us, set(self.tickers)
        settled_us = _settled_us(now_us)
        session = sessions.at(now_us).session
        limits_s = sorted(real_time_age_s(policy.real_time_s, session) for policy in POLICIES.values())
        since_last_s = (now_us - max((each.stamp_us for each in self.forecast.tickers), default=0)) / SECOND_US
        worth: list[tuple[float, str]] = []
        for each in self.forecast.tickers:
            if each.ticker in own or (settled_us is not None and each.stamp_us > settled_us):
                continue
            age_s = min(OLDEST_S, (now_us - each.stamp_us) / SECOND_US)
            refusing = bisect_right(limits_s, age_s + since_last_s)
            if refusing:
                worth.append((each.rate * age_s * refusing, each.ticker))
        worth.sort(reverse=True)
        return [ticker for _, ticker in worth[: max(0, UNIVERSAL.max_limit - len(own))]]


def _settled_us(now_us: int) -> int | None:
    """While the market is closed: entries fetched after this moment have settled, so that nobody needs newer ones."""
    moment = sessions.at(now_us)
    return settled_floor_us(moment.since_us) if moment.session is Session.CLOSED else None
