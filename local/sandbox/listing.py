"""The reference data of the simulated market's tickers: name, type, exchange and identifiers."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from local.sandbox import noise
from local.sandbox.universe import LISTED_SINCE, delisted, tickers

_NAMES: Final = """
AAPL CS XNAS Apple Inc.|MSFT CS XNAS Microsoft Corp|GOOGL CS XNAS Alphabet Inc. Class A Common Stock
AMZN CS XNAS Amazon.Com Inc|NVDA CS XNAS Nvidia Corp|TSLA CS XNAS Tesla, Inc. Common Stock
SPY ETF ARCX State Street SPDR S&P 500 ETF Trust|QQQ ETF XNAS Invesco QQQ Trust, Series 1
META CS XNAS Meta Platforms, Inc. Class A Common Stock|AMD CS XNAS Advanced Micro Devices
GOOG CS XNAS Alphabet Inc. Class C Capital Stock|NFLX CS XNAS NetFlix Inc|INTC CS XNAS Intel Corp
JPM CS XNYS JPMorgan Chase & Co.|BAC CS XNYS Bank of America Corporation|V CS XNYS Visa Inc.
MA CS XNYS Mastercard Incorporated|DIS CS XNYS The Walt Disney Company|KO CS XNYS Coca-Cola Company
PEP CS XNAS PepsiCo, Inc.|WMT CS XNYS Walmart Inc.|COST CS XNAS Costco Wholesale Corp
XOM CS XNYS Exxon Mobil Corporation|CVX CS XNYS Chevron Corporation|PFE CS XNYS Pfizer Inc.
JNJ CS XNYS Johnson & Johnson|UNH CS XNYS UnitedHealth Group Incorporated|HD CS XNYS Home Depot, Inc.
BA CS XNYS Boeing Company|GE CS XNYS GE Aerospace|F CS XNYS Ford Motor Company|GM CS XNYS General Motors Company
T CS XNYS AT&T Inc.|VZ CS XNYS Verizon Communications|CSCO CS XNAS Cisco Systems, Inc.|ORCL CS XNYS Oracle Corp
CRM CS XNYS Salesforce, Inc.|ADBE CS XNAS Adobe Inc.|PYPL CS XNAS PayPal Holdings, Inc.
UBER CS XNYS Uber Technologies, Inc.|ABNB CS XNAS Airbnb, Inc.|COIN CS XNAS Coinbase Global, Inc.
PLTR CS XNAS Palantir Technologies Inc.|SOFI CS XNAS SoFi Technologies, Inc.
IWM ETF ARCX iShares Russell 2000 ETF|DIA ETF ARCX SPDR Dow Jones Industrial Average ETF Trust
GLD ETF ARCX SPDR Gold Trust|TLT ETF XNAS iShares 20+ Year Treasury Bond ETF
BRK.B CS XNYS Berkshire Hathaway Inc. Class B|BRK.A CS XNYS Berkshire Hathaway Inc. Class A
BACpL PFD XNYS Bank of America Corporation Preferred Series L
"""
_REAL: Final = {
    words[0]: words[1:] for words in (row.split(" ", 3) for row in _NAMES.strip().replace("\n", "|").split("|"))
}

_FIRST_WORDS: Final = """
Alder Amber Arbor Beacon Birch Bright Cedar Cobalt Copper Coral Crest Delta Dover Eagle Elm Ember Falcon Fern Granite Harbor
Hazel Ivory Juniper Keystone Lake Larch Linden Maple Meridian North Oak Onyx Pioneer Quartz Raven River Sierra Stone
Summit Union
"""
_SECOND_WORDS: Final = """
Aerospace Analytics Biosciences Brands Capital Chemicals Diagnostics Dynamics Electric Energy Financial Foods Freight Gold
Health Industries Insurance Logistics Materials Media Mining Motors Networks Pharma Power Realty Robotics Semiconductors
Software Therapeutics Water Wireless
"""
_FIRST_NAMES: Final = tuple(_FIRST_WORDS.split())
_SECOND_NAMES: Final = tuple(_SECOND_WORDS.split())
_KINDS: Final = (
    (0.62, "CS", ("Inc.", "Corp.", "Holdings, Inc.", "Group plc"), ("XNAS", "XNYS", "XASE")),
    (0.86, "ETF", ("ETF", "Index Fund", "Income ETF"), ("ARCX", "BATS", "XNAS")),
    (0.92, "ADRC", ("American Depositary Shares",), ("XNYS", "XNAS")),
    (0.96, "PFD", ("Preferred Series A", "Preferred Series B"), ("XNYS",)),
    (1.00, "WARRANT", ("Warrants",), ("XNAS", "XASE")),
)
"""Cumulative fraction of all tickers, type, endings of names, exchanges."""

_DELISTED_WITHIN: Final = 3_000


@dataclass(frozen=True, slots=True)
class Listing:
    """The reference data of one ticker.

    ``kind``: the vendor's type code; ``exchange``: its market identifier code (MIC); ``ended``: the day it was
    delisted, or None if it is still listed.
    """

    ticker: str
    name: str
    kind: str
    exchange: str
    cik: str
    figi: str
    ended: date | None


@lru_cache(maxsize=2)
def listings(seed: int) -> tuple[Listing, ...]:
    """Return the reference data of all tickers, listed and delisted, in order of the ticker."""
    return tuple(listing(seed, ticker) for ticker in sorted((*tickers(), *delisted())))


@lru_cache(maxsize=16_384)
def listing(seed: int, ticker: str) -> Listing:
    """Return the reference data of one ticker, listed or delisted."""
    key = noise.key(seed, ticker, "listing")
    draw = noise.fractions(key)
    if ticker in _REAL:
        kind, exchange, name = _REAL[ticker]
    else:
        _, kind, ends, exchanges = next(row for row in _KINDS if draw[0] < row[0])
        words = (
            _FIRST_NAMES[int(draw[1] * len(_FIRST_NAMES))],
            _SECOND_NAMES[int(draw[2] * len(_SECOND_NAMES))],
            ends[int(draw[3] * len(ends))],
        )
        name, exchange = " ".join(words), exchanges[int(draw[4] * len(exchanges))]
    cik = f"{int.from_bytes(key[:4]) % 2_000_000:010}"
    ended = LISTED_SINCE + timedelta(days=int(draw[5] * _DELISTED_WITHIN)) if ticker in delisted() else None
    return Listing(ticker, name, kind, exchange, cik, f"BBG{key.hex()[:9].upper()}", ended)
