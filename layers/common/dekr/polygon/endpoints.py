"""The endpoints of the upstream that the service uses, one row each.

Paths, limits and shapes are those of the upstream's OpenAPI description (https://massive.com/docs/rest/stocks). Nothing of
the client is imported here, so that a hit, which reads a row's name or limit, does not pay for it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dekr.cache.freshness import DataClass
from dekr.data_source import DataSource
from dekr.gate.call import Family

QUICK_S: Final = 4.0
"""Seconds that one attempt may take for a quote or a snapshot: less than the lease, which each further attempt renews."""

LONG_S: Final = 10.0
"""Seconds that one attempt may take for a page of bars or of a list, or for the whole market."""

TICKS_KEPT_US: Final = 10 * 60 * 1_000_000
"""The microseconds that the store keeps a page of quotes or trades, which has megabytes that hardly anybody reads twice."""


class Shape(StrEnum):
    """The shape of an answer that is passed on as it was sent: the name of its model in ``dekr.polygon.wire_lists``."""

    TICKS = "Ticks"
    ARTICLES = "Articles"
    LISTINGS = "Listings"
    SPLITS = "Splits"
    PREVIOUS_BAR = "PreviousAnswer"
    MARKET_NOW = "MarketNow"
    UPCOMING_DAYS = "UpcomingDays"
    ANY_LIST = "AnyList"
    """A page of objects of any kind: enough for a list that is passed on and never read."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of the upstream.

    ``name``: its name in logs, and in keys and leases of answers that are passed on. ``path``: its path, with the names of its
    parts in braces. ``family``: the unit of the breaker and of the plan's entitlement. ``attempt_s``: how many seconds one
    attempt may take; ``lease_ms``: how many milliseconds a fetch may hold its lease. ``data``: the column of the tier table that
    says how old an answer that is passed on may be; services that read an answer choose the column themselves. ``shape``: the
    shape by which an answer that is passed on is checked; None where a method of the client reads the answer. ``is_list``:
    whether an answer that is passed on has ``results``. ``max_limit``: the largest page that the upstream sends. ``kept_us``: how
    many microseconds the store keeps an answer at most; None: as long as any tier may have it. ``source``: the source that the
    header of an answer that is passed on names.
    """

    name: str
    path: str
    family: Family
    attempt_s: float
    lease_ms: int
    data: DataClass
    shape: Shape | None = None
    is_list: bool = True
    max_limit: int = 0
    kept_us: int | None = None
    source: DataSource = DataSource.REFERENCE

    def url(self, **parts: object) -> str:
        """The path with the values of its parts put in."""
        return self.path.format(**parts)


_SNAPSHOTS: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
_STATUS: Final = Family("marketstatus")

LAST_QUOTE: Final = Endpoint("nbbo", "/v2/last/nbbo/{ticker}", Family("nbbo"), QUICK_S, 5_000, DataClass.REAL_TIME)
LAST_TRADE: Final = Endpoint("trade", "/v2/last/trade/{ticker}", Family("trade"), QUICK_S, 5_000, DataClass.REAL_TIME)
SNAPSHOT: Final = Endpoint(
    "snapshot", _SNAPSHOTS + "/{ticker}", Family("snapshot"), QUICK_S, 5_000, DataClass.REAL_TIME
)
SNAPSHOTS: Final = Endpoint("snapshots", _SNAPSHOTS, Family("market"), QUICK_S, 5_000, DataClass.REAL_TIME)
"""The snapshots of several tickers. Their family differs from that of one ticker's, because they may fail where that does not."""

MARKET: Final = Endpoint("market", _SNAPSHOTS, SNAPSHOTS.family, LONG_S, 12_000, DataClass.REAL_TIME)
"""The snapshot of the whole market: the address of SNAPSHOTS without ``tickers``."""

UNIVERSAL: Final = Endpoint(
    "universal", "/v3/snapshot", Family("universal"), QUICK_S, 5_000, DataClass.REAL_TIME, max_limit=250
)
NEWEST_MINUTE: Final = Endpoint(
    "minute",
    "/v2/aggs/ticker/{ticker}/range/1/minute/{first_ms}/{last_ms}",
    Family("minute"),
    QUICK_S,
    5_000,
    DataClass.REAL_TIME,
)
PREVIOUS_CLOSE: Final = Endpoint(
    "close", "/v2/aggs/ticker/{ticker}/prev", Family("prev"), QUICK_S, 5_000, DataClass.REAL_TIME
)
"""The previous day's bar, for its close; PREVIOUS_BAR has the same address for answers that are passed on."""

PREVIOUS_BAR: Final = Endpoint(
    "prev",
    PREVIOUS_CLOSE.path,
    PREVIOUS_CLOSE.family,
    LONG_S,
    12_000,
    DataClass.HISTORICAL,
    Shape.PREVIOUS_BAR,
    source=DataSource.AGGREGATES,
)
BARS: Final = Endpoint(
    "aggs",
    "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{first_ms}/{last_ms}",
    Family("aggs", refused_by_range=True),
    LONG_S,
    12_000,
    DataClass.HISTORICAL,
    max_limit=50_000,
)
GROUPED: Final = Endpoint(
    "grouped",
    "/v2/aggs/grouped/locale/us/market/stocks/{day}",
    Family("grouped"),
    LONG_S,
    12_000,
    DataClass.HISTORICAL,
)
QUOTES: Final = Endpoint(
    "quotes",
    "/v3/quotes/{ticker}",
    Family("quotes"),
    LONG_S,
    12_000,
    DataClass.REAL_TIME,
    Shape.TICKS,
    max_limit=50_000,
    kept_us=TICKS_KEPT_US,
    source=DataSource.NBBO,
)
TRADES: Final = Endpoint(
    "trades",
    "/v3/trades/{ticker}",
    Family("trades"),
    LONG_S,
    12_000,
    DataClass.REAL_TIME,
    Shape.TICKS,
    max_limit=50_000,
    kept_us=TICKS_KEPT_US,
    source=DataSource.TRADE,
)
NEWS: Final = Endpoint(
    "news",
    "/v2/reference/news",
    Family("news"),
    LONG_S,
    12_000,
    DataClass.NEWS,
    Shape.ARTICLES,
    max_limit=1_000,
    source=DataSource.NEWS,
)
NEWS_FEED: Final = Endpoint(
    "newsfeed", NEWS.path, Family("newsfeed"), LONG_S, 15_000, DataClass.NEWS, Shape.ARTICLES, max_limit=1_000
)
"""The news of all tickers. It has a family of its own, because one ticker's news may work where these fail. Its lease lasts until
all lists are written.
"""

TICKERS: Final = Endpoint(
    "tickers",
    "/v3/reference/tickers",
    Family("tickers"),
    LONG_S,
    12_000,
    DataClass.REFERENCE,
    Shape.LISTINGS,
    max_limit=1_000,
)
SPLITS: Final = Endpoint(
    "splits",
    "/v3/reference/splits",
    Family("splits"),
    LONG_S,
    12_000,
    DataClass.HISTORICAL,
    Shape.SPLITS,
    max_limit=1_000,
)
MARKET_NOW: Final = Endpoint(
    "now", "/v1/marketstatus/now", _STATUS, LONG_S, 12_000, DataClass.REAL_TIME, Shape.MARKET_NOW, is_list=False
)
UPCOMING: Final = Endpoint(
    "upcoming",
    "/v1/marketstatus/upcoming",
    _STATUS,
    LONG_S,
    12_000,
    DataClass.REFERENCE,
    Shape.UPCOMING_DAYS,
    is_list=False,
)


FAMILIES: Final = tuple({row.family: None for row in list(globals().values()) if isinstance(row, Endpoint)})
"""The families of all endpoints above, each once."""


def lease_ms(*endpoints: Endpoint) -> int:
    """The milliseconds that a fetch which may call any of these endpoints may hold its lease."""
    return max(endpoint.lease_ms for endpoint in endpoints)
