"""A small upstream behind httpx's own mock transport: it answers on the wire, and tests can replace its answers.

It is simpler than the sandbox market: every answer carries a serial number as its price, so that a test can tell which
fetch an answer came from.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from dekr.polygon.client import PolygonClient
from dekr.polygon.transport import Transport

UNKNOWN = "NONE"
STEP_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000, "month": 30 * 86_400_000}
_RANGE = re.compile(r"/v2/aggs/ticker/([^/]+)/range/(\d+)/(\w+)/(\d+)/(\d+)")


@dataclass
class FakeUpstream:
    """A fake upstream. ``calls``: the requested paths, in order. ``answer``: replaces the usual answer unless it returns None.
    ``denied``: families that the plan lacks. ``before``: runs while a call is under way. ``listed``: the whole market."""

    now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    calls: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    answer: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
    before: Callable[[httpx.Request], None] = lambda _: None
    listed: tuple[str, ...] = ()

    def client(self, now_us: Callable[[], int]) -> PolygonClient:
        """The real client, talking to this upstream."""
        http = httpx.Client(base_url="http://upstream.test", transport=httpx.MockTransport(self._handle))
        # Its clock stands still, so that a busy machine cuts off no answer.
        transport = Transport(http, lambda: "fake-upstream-key", lambda: 0.0)
        return PolygonClient(transport, now_us, lambda: 0.0, lambda _: None)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(path)
        serial = len(self.calls)
        self.before(request)
        answer = self.answer(request)
        if answer is not None:
            return answer
        if any(f"/{part}" in path for part in self.denied):
            return httpx.Response(
                403, json={"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}
            )
        if match := _RANGE.fullmatch(path):
            return self._bars(request, match, serial)
        if path == "/v3/snapshot":
            return self._universal(request, serial)
        for part, whole in (
            ("/stocks/tickers", self._market),
            ("/grouped/", self._grouped),
            ("/splits", _no_splits),
            ("/reference/tickers", _listing),
        ):
            if path.endswith(part) or (part in path and part.endswith("/")):
                return whole(request, serial)
        ticker = path.removesuffix("/prev").rsplit("/", 1)[-1]
        if path.endswith("/prev"):
            bars = [] if ticker == UNKNOWN else [_bar(serial, self.now_us() // 1000 - STEP_MS["day"])]
            return httpx.Response(200, json={"ticker": ticker, "status": "OK", "results": bars})
        if ticker == UNKNOWN:
            return httpx.Response(404, json={"status": "NOT_FOUND", "message": "Data not found."})
        quote = self._quote(serial)
        if "/snapshot/" in path:
            return httpx.Response(200, json={"status": "OK", "ticker": {"ticker": ticker, "lastQuote": quote}})
        return httpx.Response(200, json={"status": "OK", "results": {"T": ticker, **quote}})

    def _quote(self, serial: int) -> dict[str, float]:
        return {"p": serial, "s": 2, "P": serial + 0.5, "S": 3, "t": self.now_us() * 1000}

    def _market(self, request: httpx.Request, serial: int) -> httpx.Response:
        requested = request.url.params.get("tickers")
        found = [ticker for ticker in self.listed if requested is None or ticker in requested.split(",")]
        quote = self._quote(serial)
        tickers = [{"ticker": ticker, "lastQuote": quote} for ticker in found]
        return httpx.Response(200, json={"status": "OK", "tickers": tickers})

    def _grouped(self, _: httpx.Request, serial: int) -> httpx.Response:
        bars = [{"T": ticker, **_bar(serial, self.now_us() // 1000)} for ticker in self.listed or ("AAPL",)]
        return httpx.Response(200, json={"status": "OK", "results": bars})

    def _universal(self, request: httpx.Request, serial: int) -> httpx.Response:
        quote = {"bid": serial, "bid_size": 2, "ask": serial + 0.5, "ask_size": 3, "timeframe": "REAL-TIME"}
        quote["last_updated"] = self.now_us() * 1000
        items = [
            {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
            if ticker == UNKNOWN
            else {"ticker": ticker, "type": "stocks", "last_quote": quote}
            for ticker in request.url.params["ticker.any_of"].split(",")
        ]
        return httpx.Response(200, json={"status": "OK", "results": items})

    def _bars(self, request: httpx.Request, match: re.Match[str], serial: int) -> httpx.Response:
        ticker, multiplier, timespan, first, last = match.groups()
        step = STEP_MS[timespan] * int(multiplier)
        starts = range(-(-int(first) // step) * step, min(int(last), self.now_us() // 1000) + 1, step)
        bars = [] if ticker == UNKNOWN else [_bar(serial, start) for start in starts]
        if request.url.params.get("sort") == "desc":
            bars = bars[::-1][: int(request.url.params["limit"])]
        return httpx.Response(200, json={"ticker": ticker, "status": "OK", "results": bars})


def _bar(price: int, start_ms: int) -> dict[str, float]:
    return {"t": start_ms, "o": price, "h": price + 1, "l": price, "c": price + 0.5, "v": 100}


def _listing(request: httpx.Request, _: int) -> httpx.Response:
    ticker = request.url.params["ticker"]
    found = [] if ticker == UNKNOWN else [{"ticker": ticker, "name": "A company"}]
    return httpx.Response(200, json={"status": "OK", "results": found})


def _no_splits(_: httpx.Request, __: int) -> httpx.Response:
    return httpx.Response(200, json={"status": "OK", "results": []})
