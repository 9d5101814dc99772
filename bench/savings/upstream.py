"""Polygon's place in the benchmark: it counts, and every price says when it was handed out.

The real client talks to it over httpx' own transport seam. A price is the moment of the call in microseconds, so whoever
reads an answer knows how old it is without asking the service. A call moves the driven clock on by its modelled latency.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

import httpx

from dekr import sessions
from local.sandbox.universe import tickers

LATENCY_US: Final = 200_000
MARKET_LATENCY_US: Final = 600_000
MARKET: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
STEP_MS: Final = {"minute": 60_000, "hour": 3_600_000}
FIRST_DAY: Final = date(2024, 1, 2)


@dataclass
class CountingUpstream(httpx.BaseTransport):
    """``now_us`` and ``wait`` read and move the driven clock. Counts calls by kind, symbols and bytes, and keeps each call's
    moment.
    """

    now_us: Callable[[], int]
    wait: Callable[[int], None]
    kinds: Counter[str] = field(default_factory=Counter)
    symbols: int = 0
    bytes: int = 0
    moments_us: list[int] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one call."""
        path = request.url.path
        parts = path.split("/")
        now = self.now_us()
        self.moments_us.append(now)
        if path == MARKET and "tickers" not in request.url.params:
            kind, names, body = "market", len(tickers()), _market(now)
        elif path == "/v3/snapshot":
            asked = request.url.params["ticker.any_of"].split(",")
            kind, names, body = "universal", len(asked), _universal(asked, now)
        elif "/range/" in path:
            multiplier, timespan, first, last = parts[-4:]
            kind, names = "aggs", 1
            body = _bars(parts[4], int(multiplier), timespan, int(first), int(last), now)
        elif "/grouped/" in path:
            kind, names, body = "grouped", len(tickers()), _grouped(date.fromisoformat(parts[-1]))
        elif path == "/v2/reference/news":
            kind, names, body = "news", 1, _news(now)
        elif path == "/v3/reference/splits":
            kind, names, body = "splits", 1, b'{"status":"OK","results":[]}'
        else:
            kind, names, body = (
                "nbbo",
                1,
                b'{"status":"OK","results":{"T":"%s",%s}}' % (parts[-1].encode(), _quote(now)),
            )
        self.kinds[kind] += 1
        self.symbols += names
        self.bytes += len(body)
        self.wait(MARKET_LATENCY_US if kind in ("market", "grouped") else LATENCY_US)
        return httpx.Response(200, content=body)

    @property
    def calls(self) -> int:
        """All calls."""
        return self.kinds.total()

    @property
    def busiest_second(self) -> int:
        """The most calls in any second."""
        moments = sorted(self.moments_us)
        return max((bisect_right(moments, at + 999_999) - i for i, at in enumerate(moments)), default=0)


def _quote(now: int) -> bytes:
    return b'"p":%d,"s":1,"P":%d,"S":1,"t":%d' % (now, now, now * 1000)


def _market(now: int) -> bytes:
    day = b'"day":{"o":1,"h":%d,"l":1,"c":%d,"v":100,"vw":1}' % (now, now)
    tail = b'","lastQuote":{%s},%s}' % (_quote(now), day)
    return b'{"status":"OK","tickers":[{"ticker":"' + (tail + b',{"ticker":"').join(_names()) + tail + b"]}"


@cache
def _names() -> tuple[bytes, ...]:
    return tuple(ticker.encode() for ticker in tickers())


def _universal(asked: list[str], now: int) -> bytes:
    quote = {"bid": now, "bid_size": 1, "ask": now, "ask_size": 1, "last_updated": now * 1000, "timeframe": "REAL-TIME"}
    return json.dumps({"status": "OK", "results": [{"ticker": t, "last_quote": quote} for t in asked]}).encode()


def _news(now: int) -> bytes:
    published = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    article = {
        "id": str(now),
        "publisher": {"name": "Wire"},
        "title": str(now),
        "published_utc": published,
        "article_url": "https://news.invalid/",
        "tickers": [],
    }
    return json.dumps({"status": "OK", "results": [article]}).encode()


def _bars(ticker: str, multiplier: int, timespan: str, first_ms: int, last_ms: int, now: int) -> bytes:
    starts = _starts(multiplier, timespan)
    rows = _rows(multiplier, timespan)
    begin, end = bisect_left(starts, first_ms), bisect_right(starts, min(last_ms, now // 1000))
    body = b",".join(rows[begin:end])
    if begin < end and (end == len(starts) or starts[end] > now // 1000):
        # The bar that is still growing closes at the present price.
        growing = b'{"t":%d,"o":1,"h":%d,"l":1,"c":%d,"v":100,"vw":1,"n":1}' % (starts[end - 1], now, now)
        body = b",".join([*rows[begin : end - 1], growing])
    return b'{"ticker":"%s","status":"OK","results":[%s]}' % (ticker.encode(), body)


@cache
def _starts(multiplier: int, timespan: str) -> list[int]:
    """The windows of all days, as the exchange trades: from 04:00 to 20:00 in New York."""
    found: list[int] = []
    for trading in _days():
        midnight_ms = sessions.eastern_midnight_us(trading.date) // 1000
        if timespan in ("day", "month"):
            if timespan == "day" or not found or trading.date.month != _month(found[-1]):
                found.append(midnight_ms)
            continue
        step = STEP_MS[timespan] * multiplier
        found += range(trading.pre_open_us // 1000, trading.post_close_us // 1000, step)
    return found


def _month(start_ms: int) -> int:
    return sessions.eastern_date(start_ms * 1000).month


@cache
def _rows(multiplier: int, timespan: str) -> list[bytes]:
    return [b'{"t":%d,"o":1,"h":1,"l":1,"c":1,"v":100,"vw":1,"n":1}' % start for start in _starts(multiplier, timespan)]


@cache
def _days() -> list[sessions.TradingDay]:
    return sessions.trading_days(FIRST_DAY, FIRST_DAY + timedelta(days=1_100))


def _grouped(day: date) -> bytes:
    trading = sessions.trading_day(day)
    end_ms = trading.close_us // 1000 if trading else 0
    tail = b'","t":%d,"o":1,"h":1,"l":1,"c":1,"v":100,"vw":1,"n":1}' % end_ms
    return b'{"status":"OK","results":[{"T":"' + (tail + b',{"T":"').join(_names()) + tail + b"]}"
