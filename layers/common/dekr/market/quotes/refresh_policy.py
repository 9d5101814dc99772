"""What one call should fetch when a quote is missing: one ticker, those worth most, or the whole market.

A refresh is worth the later fetches that it makes needless. For a ticker asked for at ``rate`` whose entry is ``age`` old,
with F(a) the share of its readers who may have it at most ``a`` old, and ``d`` the time until the next shared call:

    worth = rate x (age x F(age + d) - integral of F from 0 to age)

counted as one fetch at most (1 - exp(-worth): the first reader's fetch serves the others). The index is the project's own,
found by simulation; see docs/adr/0008.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import exp
from typing import Final

from dekr import sessions
from dekr.cache.freshness import SECOND_US, real_time_age_s, settled_floor_us
from dekr.cache.keys import Datum
from dekr.market.demand.record import Forecast
from dekr.polygon.endpoints import UNIVERSAL
from dekr.sessions import Session
from dekr.tiers import MAX_REAL_TIME_S

LOOK_AHEAD: Final = 1.5
"""d, in mean times between two shared calls."""

MANY_FROM: Final = 0.05
"""What 250 tickers in the place of one must save at least, in calls: they take some milliseconds more."""

MARKET_FROM: Final = 0.25
"""What the whole market must save at least beyond 250 tickers, in calls: it takes some megabytes and some tenths of a second
more, for one reader.
"""

FETCH_S: Final = 0.6
"""How long a fetch of the whole market takes, about."""

WARMING_EVERY_S: Final = 60.0
WAITS_A_CALL: Final = 20.0
"""So many readers spared from waiting are worth one call."""


class Scope(Enum):
    """How much is fetched in one call."""

    ONE = auto()
    MANY = auto()
    MARKET = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticker that could be refreshed along: its expected requests a second, and its entry's age in seconds."""

    ticker: str
    rate: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What to fetch: for MANY those tickers beside the missing ones, most worth first (for MARKET, too: where the plan has no
    market snapshot).
    """

    scope: Scope
    tickers: tuple[str, ...]


def choose(
    missing: Sequence[str],
    candidates: Sequence[Candidate],
    others_rate: float,
    market_age_s: float,
    max_age_mix: Mapping[float, float],
    call_gap_s: float,
) -> Choice:
    """What to fetch when ``missing`` must be.

    ``others_rate``: requests a second for tickers that are no candidates; their entries are as old as the market's.
    ``patience``: share of requests by the age that their readers take (seconds).
    """
    ahead_s = LOOK_AHEAD * call_gap_s
    known = set(missing)
    seconds: dict[float, float] = {}
    saved: list[tuple[float, str]] = []
    for candidate in candidates:
        if candidate.ticker in known:
            continue
        age_s = candidate.age_s
        if age_s not in seconds:
            seconds[age_s] = worth_s(age_s, ahead_s, max_age_mix)
        worth = candidate.rate * seconds[age_s]
        if worth > 0:
            saved.append((worth, candidate.ticker))
    saved.sort(reverse=True)
    along = saved[: max(0, UNIVERSAL.max_limit - len(known))]
    many = sum(1 - exp(-worth) for worth, _ in along)
    market = many + sum(1 - exp(-worth) for worth, _ in saved[len(along) :])
    # Each of them is asked for so rarely that hardly two readers meet at one.
    market += others_rate * worth_s(market_age_s, ahead_s, max_age_mix)
    tickers = tuple(ticker for _, ticker in along)
    if market - many >= MARKET_FROM:
        return Choice(Scope.MARKET, tickers)
    if many >= MANY_FROM:
        return Choice(Scope.MANY, tickers)
    return Choice(Scope.ONE, ())


def worth_s(age_s: float, ahead_s: float, max_age_mix: Mapping[float, float]) -> float:
    """``age x F(age + ahead) - integral of F from 0 to age``, for the F that the shares of ``patience`` make."""
    return sum(
        share * min(age_s, allowed_s) for allowed_s, share in max_age_mix.items() if allowed_s <= age_s + ahead_s
    )


def relief(rate: float, age_s: float, max_age_mix: Mapping[float, float]) -> float:
    """What a refresh of the whole market by nobody in particular saves, less what it costs, in calls.

    A reader's own miss makes the same call and refreshes the same tickers, so nothing is saved but the waiting of those who
    would come within the next minute with data too old for them and while it is fetched.
    """
    share = sum(share for allowed_s, share in max_age_mix.items() if allowed_s <= age_s + WARMING_EVERY_S)
    return rate * share * FETCH_S / WAITS_A_CALL - 1


OLDEST_S: Final = float(MAX_REAL_TIME_S)
"""Older than this is too old for every tier."""


@dataclass(frozen=True, slots=True)
class Miss:
    """For which tickers' ``datum`` a shared call is made, and what it should bring."""

    tickers: Sequence[str]
    datum: Datum
    choice: Choice
    forecast: Forecast


def weighed(tickers: Sequence[str], forecast: Forecast) -> Choice:
    """What to fetch for these tickers, as it looks now."""
    session = _session(forecast.now_us)
    age_s, max_age_mix = market_at(forecast)
    candidates = [
        Candidate(each.ticker, each.rate, _age_s(forecast.now_us, each.stamp_us, session)) for each in forecast.tickers
    ]
    return choose(tickers, candidates, forecast.others_rate, age_s, max_age_mix, forecast.call_gap_s)


def market_at(forecast: Forecast) -> tuple[float, dict[float, float]]:
    """The age of the market's last fetch, and the share of requests by the age that they take in the present session."""
    session = _session(forecast.now_us)
    max_age_mix: dict[float, float] = {}
    for allowance_s, share in forecast.max_age_mix.items():
        age_s = OLDEST_S if session is Session.CLOSED else real_time_age_s(allowance_s, session)
        max_age_mix[age_s] = max_age_mix.get(age_s, 0.0) + share
    return _age_s(forecast.now_us, forecast.market_us, session), max_age_mix


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
