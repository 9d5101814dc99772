"""The readers' requests: mixed routes, tickers of uneven popularity and all tiers, derived from the seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

_REQUESTED: Final = """
AAPL MSFT GOOGL AMZN NVDA TSLA META AMD NFLX INTC JPM BAC V MA DIS KO PEP WMT COST XOM CVX PFE JNJ UNH
"""
_OTHERS: Final = "HD BA GE F GM T VZ CSCO ORCL CRM"
LISTED: Final = tuple(_REQUESTED.split())
MARKET_TICKERS: Final = (*LISTED[:20], *_OTHERS.split())
"""The tickers in the snapshot of the whole market: only some of the requested ones, so that others are missing from it."""

UNKNOWN: Final = ("ZZZZA", "ZZZZB")
"""Tickers that are not listed."""

TIERS: Final = (1, 2, 3, 4, 5, 6, 7)
USERS: Final = 3
"""The number of users of each tier."""

_TIER_WEIGHTS: Final = (4, 6, 6, 10, 14, 25, 35)
ROUTES: Final = ("quote", "nbbo", "trade", "batch", "bars", "news")
_ROUTE_WEIGHTS: Final = (40, 10, 12, 14, 14, 10)
_DEADLINES_MS: Final = (6_000, 3_000, 1_500)
_UNKNOWN_FRACTION: Final = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its route, its tickers (one, or a batch), its tier and user, and the time that its caller waits for it."""

    route: str
    tickers: tuple[str, ...]
    tier: int
    user: str
    deadline_ms: int

    @property
    def path(self) -> str:
        """The path and query of the request."""
        ticker = self.tickers[0]
        return {
            "quote": f"/quote/{ticker}",
            "nbbo": f"/v2/last/nbbo/{ticker}",
            "trade": f"/trade/{ticker}",
            "batch": "/quotes/batch",
            "bars": f"/market-data/{ticker}?timespan=minute&limit=5",
            "news": f"/news?symbol={ticker}&limit=5",
        }[self.route]


def requests(random: Random) -> Iterator[Request]:
    """Yield requests without end."""
    popularity = [1 / (rank + 2) for rank in range(len(LISTED))]
    while True:
        (route,) = random.choices(ROUTES, _ROUTE_WEIGHTS)
        (tier,) = random.choices(TIERS, _TIER_WEIGHTS)
        tickers = random.choices(LISTED, popularity, k=random.randint(2, 8) if route == "batch" else 1)
        if random.random() < _UNKNOWN_FRACTION:
            tickers[-1] = random.choice(UNKNOWN)
        (deadline_ms,) = random.choices(_DEADLINES_MS, (70, 20, 10))
        yield Request(route, tuple(dict.fromkeys(tickers)), tier, f"{tier}-{random.randrange(USERS)}", deadline_ms)


def recovery_requests(slot: int) -> list[Request]:
    """Return one request for each route and tier, by users who have sent nothing before."""
    return [
        Request(route, tuple(LISTED[:3]) if route == "batch" else (LISTED[0],), tier, f"after-{slot}-{tier}", 20_000)
        for tier in reversed(TIERS)
        for route in ROUTES
    ]


def users(slots: int) -> list[tuple[str, int]]:
    """Return every user and its tier."""
    regular = [(f"{tier}-{number}", tier) for tier in TIERS for number in range(USERS)]
    return regular + [(f"after-{slot}-{tier}", tier) for slot in range(slots) for tier in TIERS]
