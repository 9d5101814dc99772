"""What a shared call is worth in the session that it is now: the record of demand, put into the terms of dekr.market.worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dekr import sessions
from dekr.cache.freshness import SECOND_US, real_time_age_s, settled_floor_us
from dekr.market.demand import Outlook
from dekr.market.worth import Candidate, Choice, choose
from dekr.sessions import Session
from dekr.tiers import POLICIES

OLDEST_S: Final = float(max(policy.real_time_s for policy in POLICIES.values()))
"""Older than this is too old for every tier."""


@dataclass(frozen=True, slots=True)
class Miss:
    """For which tickers' ``datum`` a shared call is made, and what it should bring."""

    tickers: Sequence[str]
    datum: str
    choice: Choice
    outlook: Outlook


def weighed(tickers: Sequence[str], outlook: Outlook) -> Choice:
    """What to fetch for these tickers, as it looks now."""
    session = _session(outlook.now_us)
    age_s, patience = market_at(outlook)
    candidates = [
        Candidate(each.ticker, each.rate, _age_s(outlook.now_us, each.stamp_us, session)) for each in outlook.likely
    ]
    return choose(tickers, candidates, outlook.others_rate, age_s, patience, outlook.call_gap_s)


def market_at(outlook: Outlook) -> tuple[float, dict[float, float]]:
    """The age of the market's last fetch, and the share of requests by the age that they take in the present session."""
    session = _session(outlook.now_us)
    patience: dict[float, float] = {}
    for allowance_s, share in outlook.patience.items():
        age_s = OLDEST_S if session is Session.CLOSED else real_time_age_s(allowance_s, session)
        patience[age_s] = patience.get(age_s, 0.0) + share
    return _age_s(outlook.now_us, outlook.market_us, session), patience


def _session(now_us: int) -> Session:
    """The session whose ages apply: while late prints still come, nothing has settled and the usual ones do."""
    moment = sessions.at(now_us)
    settling = moment.session is Session.CLOSED and now_us <= settled_floor_us(moment.since_us)
    return Session.REGULAR if settling else moment.session


def _age_s(now_us: int, stamp_us: int, session: Session) -> float:
    """How old an entry is; while the market is closed, either not at all or too old for everybody."""
    if session is Session.CLOSED:
        settled = stamp_us > settled_floor_us(sessions.at(now_us).since_us)
        return 0.0 if settled else OLDEST_S
    return min(OLDEST_S, (now_us - stamp_us) / SECOND_US)
