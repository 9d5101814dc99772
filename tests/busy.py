"""What a service is asked for that has so much to do that one miss fetches for many (the fixture ``busy``)."""

from tests.world import World

MARKET = "/v2/snapshot/locale/us/markets/stocks/tickers"
MARKET_LEASE = "dekr:{upstream}:lease:market:quotes"
NAMES = tuple(f"{a}{b}Q{c}" for a in "ABCDEFGHIJ" for b in "KLMNOPQRST" for c in "FGHIJ")


def ask(world: World, key: str, *tickers: str) -> None:
    """Ask for the quotes of tickers, one after the other."""
    for ticker in tickers:
        answer = world.get(f"/quote/{ticker}", key)
        assert answer.status == 200, answer.text
