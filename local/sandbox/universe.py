"""The tickers of the simulated market and what each one is like, from the seed alone."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from string import ascii_uppercase
from typing import Final

KNOWN: Final = [
    "AAPL",
    "MSFT",
    "GOOGL",
    "GOOG",
    "AMZN",
    "NVDA",
    "META",
    "TSLA",
    "SPY",
    "QQQ",
    "AMD",
    "NFLX",
    "INTC",
    "JPM",
    "BAC",
    "BACpL",
    "BRK.A",
    "BRK.B",
    "V",
    "MA",
    "DIS",
    "KO",
    "PEP",
    "WMT",
    "COST",
    "XOM",
    "CVX",
    "PFE",
    "JNJ",
    "UNH",
    "HD",
    "BA",
    "GE",
    "F",
    "GM",
    "T",
    "VZ",
    "CSCO",
    "ORCL",
    "CRM",
    "ADBE",
    "PYPL",
    "SQ",
    "SHOP",
    "UBER",
    "ABNB",
    "COIN",
    "PLTR",
    "SOFI",
    "IWM",
    "DIA",
    "GLD",
    "TLT",
    "ZVZZT",
]
LISTED: Final = 500
_RATIOS: Final = (2, 3, 4, 10)


@dataclass(frozen=True, slots=True)
class Profile:
    """``price``: the level around which it moves; ``trading``: share of minutes with a trade; ``volume``: shares a minute.
    ``split``: the day of its one split and how many shares came from one, or None.
    """

    price: float
    swing: float
    trading: float
    volume: int
    split: tuple[date, int] | None


def unit(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but the parts."""
    digest = blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


@lru_cache(maxsize=1)
def tickers() -> tuple[str, ...]:
    """All listed tickers, the well-known ones first."""
    made = ("".join(letters) for letters in product("QXZWKYUV", ascii_uppercase, ascii_uppercase, ascii_uppercase))
    known = dict.fromkeys(KNOWN)
    for ticker in made:
        if len(known) >= LISTED:
            break
        known[ticker] = None
    return tuple(known)


@lru_cache(maxsize=1)
def ranks() -> dict[str, int]:
    """The place of each ticker, the most traded first."""
    return {ticker: rank for rank, ticker in enumerate(tickers())}


@lru_cache(maxsize=20_000)
def profile(seed: int, ticker: str) -> Profile:
    """What a listed ticker is like."""
    rank = ranks()[ticker]
    trading = 1.0 if rank < 60 else max(0.02, 1.0 - rank / LISTED)  # noqa: PLR2004 - the liquid ones
    split = None
    if unit(seed, ticker, "splits") < 0.05 or ticker in ("NVDA", "TSLA"):  # noqa: PLR2004 - one in twenty
        when = date(2019, 1, 2).toordinal() + int(unit(seed, ticker, "when") * 2_000)
        split = date.fromordinal(when), _RATIOS[int(unit(seed, ticker, "ratio") * len(_RATIOS))]
    return Profile(
        price=2.0 * 300.0 ** unit(seed, ticker, "price"),
        swing=0.1 + 0.4 * unit(seed, ticker, "swing"),
        trading=trading,
        volume=int(20_000 / (1 + rank / 50)) + 100,
        split=split,
    )
