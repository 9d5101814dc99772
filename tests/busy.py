"""Tickers and requests of the fixture ``busy``: a service with so many readers that one miss fetches for many."""

from dekr.polygon import endpoints
from tests.world import World

MARKET = endpoints.MARKET.path
MARKET_LEASE = "dekr:{upstream}:lease:market:quotes"
NAMES = tuple(f"{a}{b}Q{c}" for a in "ABCDEFGHIJ" for b in "KLMNOPQRST" for c in "FGHIJ")


def request_quotes(world: World, key: str, *tickers: str) -> None:
    """Request the quotes of tickers, one after the other; each must be answered with 200."""
    for ticker in tickers:
        answer = world.get(f"/quote/{ticker}", key)
        assert answer.status == 200, answer.text
