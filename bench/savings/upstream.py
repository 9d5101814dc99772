"""The upstream of the benchmark: it counts its calls, and each of its prices is the moment at which it was read.

The real client talks to it through a transport of httpx. A price is the moment at which it was read, in microseconds, so
whoever reads an answer knows how old it is without the help of the service. A call moves the driven clock on by its modelled
latency. Of bars, the newest one's close is such a price. News are those of ``newsroom``, which knows how long an answer was true.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final, Protocol

import httpx

from bench.savings.newsroom import ARTICLE_BYTES, Article, newsroom
from bench.savings.trace import START_US
from dekr import sessions
from dekr.polygon.endpoints import MARKET
from local.sandbox.universe import tickers

WAY_US: Final = 5_000
"""The part of the latency after which the prices are read."""

LATENCY_US: Final = 200_000
MARKET_LATENCY_US: Final = 600_000
STEP_MS: Final = {"minute": 60_000, "hour": 3_600_000}
MINUTES_A_DAY: Final = 960
"""Every ticker trades once in each minute from 04:00 to 20:00."""

DAY_BEGINS_MS: Final = 4 * 3_600_000
"""From midnight to the first trade of a day."""

ENDED: Final = 1
"""The close of a bar that had ended when it was read, and so does not change any more."""

_LAST_DAYS: Final = (date(2026, 11, 16), date(2026, 11, 20))
"""A week that ends with the day of the trace."""

NEWS: Final = "/v2/reference/news"
MAX_NEWS: Final = 1_000

MARKET_BYTES: Final = 510
UNIVERSAL_BYTES: Final = 840
"""A ticker's bytes in the two kinds of snapshots, as the sandbox Polygon writes them. These are counted; what is sent is less,
quote and day alone, so that a day with hundreds of them is driven in minutes.
"""

NOT_ENTITLED: Final = b'{"status":"NOT_AUTHORIZED","request_id":"x","message":"You are not entitled to this data."}'

FIRST_DAY: Final = date(2024, 1, 2)


@dataclass
class Counts:
    """Calls by kind, symbols and bytes fetched, and when each call was made."""

    kinds: Counter[str] = field(default_factory=Counter)
    symbols: int = 0
    bytes: int = 0
    moments_us: list[int] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """All calls."""
        return self.kinds.total()

    @property
    def busiest_second(self) -> int:
        """The most calls in any second."""
        moments = sorted(self.moments_us)
        return max((bisect_right(moments, at + 999_999) - i for i, at in enumerate(moments)), default=0)


class Clock(Protocol):
    """The driven clock (bench.savings.clock). ``seen_us``: the latest time that a script may have seen."""

    seen_us: int

    def now_us(self) -> int:
        """The time in microseconds."""
        ...

    def wait(self, us: int) -> None:
        """Move the clock forward by so many microseconds."""
        ...


class Seen:
    """The record of which quotes had arrived by a moment."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[int, int, Sequence[str] | None]] = deque()
        self._market = 0
        self._tickers: dict[str, int] = {}

    def add(self, ended_us: int, handed_out_us: int, names: Sequence[str] | None) -> None:
        """Add a call that brought these tickers' quotes, or (None) those of the whole market."""
        self._under_way.append((ended_us, handed_out_us, names))

    def newest(self, ticker: str, at_us: int) -> int:
        """The moment at which the ticker's newest quote of a call that had ended by ``at_us`` was handed out; 0 if there is none.

        Calls must be in the order of ``at_us``.
        """
        while self._under_way and self._under_way[0][0] <= at_us:
            _, handed_out_us, names = self._under_way.popleft()
            if names is None:
                self._market = handed_out_us
                self._tickers.clear()
            else:
                self._tickers |= dict.fromkeys(names, handed_out_us)
        return self._tickers.get(ticker, self._market)


@dataclass
class CountingUpstream(httpx.BaseTransport):
    """Answers and counts calls.

    ``counts`` counts until it is replaced. ``market``: whether the plan has v2's snapshots of the whole market and of chosen
    tickers; where it does not, a call for one is refused, and counts.
    """

    clock: Clock
    counts: Counts = field(default_factory=Counts)
    market: bool = True
    _seen: Seen = field(default_factory=Seen)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to one call."""
        path = request.url.path
        parts = path.split("/")
        counts = self.counts
        counts.moments_us.append(self.clock.now_us())
        # An entry is stamped before the call is made, so nothing is handed out before its stamp.
        way_us = max(WAY_US, self.clock.seen_us - self.clock.now_us())
        self.clock.wait(way_us)
        now = self.clock.now_us()
        if path == MARKET.path and not self.market:
            counts.kinds["refused"] += 1
            counts.bytes += len(NOT_ENTITLED)
            self.clock.wait(max(0, LATENCY_US - way_us))
            return httpx.Response(403, content=NOT_ENTITLED)
        names: Sequence[str] = (parts[-1],)
        quoted = True
        size = None
        if path == MARKET.path and "tickers" not in request.url.params:
            kind, names, body = "market", tickers(), _market(now)
            size = MARKET_BYTES * len(names)
        elif path == "/v3/snapshot":
            names = request.url.params["ticker.any_of"].split(",")
            kind, body = "universal", _universal(names, now)
            size = UNIVERSAL_BYTES * len(names)
        elif path.startswith("/v2/last/nbbo/"):
            kind, body = "nbbo", b'{"status":"OK","results":{"T":"%s",%s}}' % (parts[-1].encode(), _quote(now))
        else:
            quoted = False
            kind, names, body = self._other(request, parts, now)
            if kind.startswith("news"):
                size = ARTICLE_BYTES * body.count(b'"id"')
        counts.kinds[kind] += 1
        counts.symbols += len(names)
        counts.bytes += size or len(body)
        latency_us = MARKET_LATENCY_US if kind in ("market", "grouped", "news feed") else LATENCY_US
        self.clock.wait(max(0, latency_us - way_us))
        if quoted:
            self._seen.add(self.clock.now_us(), now, None if kind == "market" else names)
        return httpx.Response(200, content=body)

    def _other(self, request: httpx.Request, parts: list[str], now: int) -> tuple[str, Sequence[str], bytes]:
        path = request.url.path
        if "/range/" in path:
            multiplier, timespan, first, last = parts[-4:]
            return (
                f"{multiplier} {timespan}",
                parts[4:5],
                _bars(parts[4], int(multiplier), timespan, int(first), int(last), now),
            )
        if "/grouped/" in path:
            return "grouped", tickers(), _grouped(date.fromisoformat(parts[-1]), now)
        if path == NEWS:
            query = request.url.params
            return "news" if "ticker" in query else "news feed", ("",), _news(query, now)
        assert path == "/v3/reference/splits", path
        return "splits", (), b'{"status":"OK","results":[]}'

    def quoted_before(self, ticker: str, at_us: int) -> int:
        """The moment at which the ticker's newest quote of a call that had ended by ``at_us`` was handed out; 0 if there is none.

        Calls must be in the order of ``at_us``.
        """
        return self._seen.newest(ticker, at_us)


def _quote(now: int) -> bytes:
    return b'"p":%d,"s":1,"P":%d,"S":1,"t":%d' % (now, now, now * 1000)


def _market(now: int) -> bytes:
    day = b'"day":{"o":1,"h":%d,"l":1,"c":%d,"v":100,"vw":1}' % (now, now)
    tail = b'","lastQuote":{%s},%s}' % (_quote(now), day)
    return b'{"status":"OK","tickers":[{"ticker":"' + (tail + b',{"ticker":"').join(_names()) + tail + b"]}"


@cache
def _names() -> tuple[bytes, ...]:
    return tuple(ticker.encode() for ticker in tickers())


def _universal(names: Sequence[str], now: int) -> bytes:
    quote = {"bid": now, "bid_size": 1, "ask": now, "ask_size": 1, "last_updated": now * 1000, "timeframe": "REAL-TIME"}
    return json.dumps({"status": "OK", "results": [{"ticker": t, "last_quote": quote} for t in names]}).encode()


def _news(query: httpx.QueryParams, now: int) -> bytes:
    """The news of a ticker, or of all since a moment; a cursor is that moment and the number before which the next page begins."""
    if "ticker" in query:
        return b'{"status":"OK","results":[%s]}' % _written(
            newsroom().newest(query["ticker"], now, int(query["limit"]))
        )
    since, _, place = query.get("cursor", query.get("published_utc.gte", "")).partition(" ")
    from_us = int(datetime.fromisoformat(since).timestamp()) * 1_000_000
    until = int(place) if place else len(newsroom().articles)
    found = newsroom().since(from_us, until, now, MAX_NEWS + 1)
    page = found[:MAX_NEWS]
    more = b""
    if page != found:
        cursor = httpx.QueryParams({"cursor": f"{since} {page[-1].number}"})
        more = b',"next_url":"https://upstream.invalid%s?%s"' % (NEWS.encode(), str(cursor).encode())
    return b'{"status":"OK","results":[%s]%s}' % (_written(page), more)


def _written(articles: Sequence[Article]) -> bytes:
    return b",".join(article.written for article in articles)


def _bars(ticker: str, multiplier: int, timespan: str, first_ms: int, last_ms: int, now: int) -> bytes:
    starts, rows = _starts(multiplier, timespan), _rows(multiplier, timespan)
    begin, end = bisect_left(starts, first_ms), bisect_right(starts, min(last_ms, now // 1000))
    found = rows[begin:end]
    if begin < end and (end == len(starts) or starts[end] > now // 1000):
        # The newest bar closes at the present price.
        minutes = min((now // 1000 - starts[end - 1]) // 60_000 + 1, _minutes(multiplier, timespan))
        found = [*found[:-1], _row(starts[end - 1], minutes, now)]
    return b'{"ticker":"%s","status":"OK","results":[%s]}' % (ticker.encode(), b",".join(found))


def true_until_us(timespan: str, multiplier: int, newest: Sequence[float]) -> int:
    """The moment until which an answer with this newest bar, on the day of the trace, was what this upstream answers: the moment at
    which the bar was read; for the last bar of the day before that had ended when it was read, the first trade of the day.
    """
    start_ms, close = int(newest[0]), int(newest[4])
    ended_us = sessions.trading_days(*_LAST_DAYS)[-2].post_close_us
    length_ms = STEP_MS[timespan] * multiplier if timespan in STEP_MS else MINUTES_A_DAY * 60_000 + DAY_BEGINS_MS
    is_last = start_ms < START_US // 1000 - DAY_BEGINS_MS and (start_ms + length_ms) * 1000 >= ended_us
    return START_US - 1 if is_last and (close == ENDED or close >= ended_us) else close


def _row(start_ms: int, minutes: int, price: int) -> bytes:
    return b'{"t":%d,"o":1,"h":%d,"l":1,"c":%d,"v":%d,"vw":1,"n":%d}' % (start_ms, price, price, 100 * minutes, minutes)


def _minutes(multiplier: int, timespan: str) -> int:
    return STEP_MS[timespan] * multiplier // 60_000 if timespan in STEP_MS else MINUTES_A_DAY


@cache
def _starts(multiplier: int, timespan: str) -> list[int]:
    """The starts of all bars of this length, in milliseconds: the exchange trades from 04:00 to 20:00 in New York."""
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
    minutes = _minutes(multiplier, timespan)
    return [_row(start, minutes, ENDED) for start in _starts(multiplier, timespan)]


@cache
def _days() -> list[sessions.TradingDay]:
    return sessions.trading_days(FIRST_DAY, FIRST_DAY + timedelta(days=1_100))


def _grouped(day: date, now: int) -> bytes:
    trading = sessions.trading_day(day)
    end_ms = trading.close_us // 1000 if trading else 0
    tail = b'",' + _row(end_ms, MINUTES_A_DAY, now)[1:]
    return b'{"status":"OK","results":[{"T":"' + (tail + b',{"T":"').join(_names()) + tail + b"]}"
