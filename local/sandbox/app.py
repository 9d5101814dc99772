"""The sandbox as a web application: the vendor's routes behind key, plan and faults; and the control routes."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from local.sandbox import market
from local.sandbox.answers import Answers, Refusal, not_authorized
from local.sandbox.clock import Clock
from local.sandbox.faults import Fault, Faults
from local.sandbox.plans import Meter, Plan

HOUR_NS = 3_600 * 1_000_000_000
_NS_FROM = 10**17
LIMIT_MESSAGE = (
    "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
    "https://massive.com/pricing"
)
type View = Callable[[Answers, dict[str, str], dict[str, str]], Any]


@dataclass
class Sandbox:
    """One simulated vendor: its market, its one customer's key and plan, its clock and its faults."""

    plan: Plan
    key: str
    seed: int = 7
    latency_s: float = 0.0
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    calls: Counter[str] = field(default_factory=Counter)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        self.meter = Meter(self.plan.per_minute)

    def app(self) -> Starlette:
        """The application that serves it."""
        quotes, snapshots = self.plan.quotes, self.plan.snapshots
        aggs, stocks = "/v2/aggs/ticker/{ticker}", "/v2/snapshot/locale/us/markets/stocks/tickers"
        views: list[tuple[str, bool, View]] = [
            (aggs + "/range/{multiplier}/{timespan}/{first}/{last}", True, lambda a, path, query: a.range(path, query)),
            (aggs + "/prev", True, lambda a, path, query: a.previous(path["ticker"], query)),
            (
                "/v2/aggs/grouped/locale/us/market/stocks/{day}",
                True,
                lambda a, path, query: a.grouped(path["day"], query),
            ),
            ("/v2/last/nbbo/{ticker}", quotes, lambda a, path, _: a.last_quote(path["ticker"])),
            ("/v2/last/trade/{ticker}", quotes, lambda a, path, _: a.last_trade(path["ticker"])),
            (stocks, snapshots, lambda a, _, query: a.snapshots(query)),
            (stocks + "/{ticker}", snapshots, lambda a, path, _: a.snapshot(path["ticker"])),
            ("/v3/snapshot", snapshots, lambda a, _, query: a.universal(query)),
            ("/v1/marketstatus/now", True, lambda a, *_: a.market_now()),
            ("/v1/marketstatus/upcoming", True, lambda a, *_: a.market_upcoming()),
        ]
        routes = [Route(path, self._endpoint(entitled, view)) for path, entitled, view in views]
        routes += [
            Route("/_control/calls", self._calls, methods=["GET", "DELETE"]),
            Route("/_control/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_control/clock", self._clock, methods=["GET", "POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={404: _unrouted})

    def _endpoint(self, entitled: bool, view: View) -> Callable[[Request], Any]:  # noqa: FBT001 - from the table above
        async def endpoint(request: Request) -> Response:
            path = request.url.path
            self.calls[path] += 1
            await asyncio.sleep(self.latency_s)
            fault = self.faults.take(path)
            if fault is not None and fault.kind in ("slow", "hang"):
                await self._wait(fault.seconds if fault.kind == "slow" else None)
            try:
                self._admit(request, fault, entitled=entitled)
                query = dict(request.query_params)
                query.pop("apiKey", None)
                if "cursor" in query:
                    query = json.loads(base64.urlsafe_b64decode(query["cursor"]))
                found: Any = view(self._answers(request), dict(request.path_params), query)
                status = 200
            except Refusal as refusal:
                status, found = refusal.status, refusal.body
            return self._respond(status, found, fault)

        return endpoint

    def _admit(self, request: Request, fault: Fault | None, *, entitled: bool) -> None:
        kind = fault.kind if fault else ""
        header = request.headers.get("authorization", "")
        shown = header.removeprefix("Bearer ") if header else request.query_params.get("apiKey")
        if shown != self.key or kind == "401":
            raise Refusal(401, {"status": "ERROR", "request_id": "sandbox", "error": "Unknown API Key"})
        if kind == "429" or not self.meter.allows(self.clock.now_us()):
            raise Refusal(429, {"status": "ERROR", "request_id": "sandbox", "error": LIMIT_MESSAGE})
        if kind == "403" or not entitled:
            raise not_authorized()

    def _answers(self, request: Request) -> Answers:
        now_us = self.clock.now_us() - self.plan.delay_us
        if self.plan.end_of_day:
            now_us = _last_close(now_us)
        return Answers(self.seed, now_us, self.plan.delay_us > 0, self.plan.quotes, str(request.base_url).rstrip("/"))

    def _respond(self, status: int, found: Any, fault: Fault | None) -> Response:
        headers = {"date": formatdate(self.clock.now_us() / 1e6, usegmt=True)}
        match fault.kind if fault and status == 200 else None:  # noqa: PLR2004 - OK
            case "500_html":
                html = "<html><body><h1>500 Internal Server Error</h1></body></html>"
                return Response(html, 500, headers, "text/html")
            case "malformed":
                return Response(json.dumps(found)[:-9] + "]]", 200, headers, "application/json")
            case "truncated":
                return _truncated(json.dumps(found), headers)
            case "wrong_ticker":
                found = _changed(found, {"T", "ticker"}, lambda _: "WRONG")
            case "future":
                found = _changed(found, {"t", "y", "f", "updated", "last_updated", "sip_timestamp"}, _an_hour_on)
            case "empty":
                found = _emptied(found)
        return JSONResponse(found, status, headers)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _calls(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.calls.clear()
        return JSONResponse({"total": self.calls.total(), "by_path": dict(self.calls)})

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.standing.clear()
        if request.method == "POST":
            try:
                self.faults.standing.append(Fault.parse(await request.json()))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"faults": [fault.wire() for fault in self.faults.standing]})

    async def _clock(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._drive(await request.json())
            except (ValueError, TypeError, KeyError, OverflowError):
                return JSONResponse({"error": 'clock: send {"now": RFC 3339} or {"advance_s": seconds}'}, 400)
        return JSONResponse({"now": self.clock.text()})

    def _drive(self, order: dict[str, Any]) -> None:
        if set(order) == {"now"}:
            moment = datetime.fromisoformat(order["now"])
            if moment.tzinfo is None:
                raise ValueError("now: needs a time zone")
            self.clock.set(moment)
        else:
            (seconds,) = order.values()
            self.clock.offset_us += int(float(order["advance_s"]) * 1_000_000 + 0 * seconds)


def _last_close(now_us: int) -> int:
    day = market.last_trading_day(now_us)
    return now_us if now_us >= day.post_close_us else day.pre_open_us - 1


async def _unrouted(_: Request, __: Exception) -> Response:
    return PlainTextResponse("404 page not found", 404)


def _truncated(text: str, headers: dict[str, str]) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield text[: len(text) // 2].encode()

    headers = {**headers, "content-length": str(len(text.encode())), "content-type": "application/json"}
    return StreamingResponse(half(), 200, headers)


def _changed(found: Any, names: set[str], change: Callable[[Any], Any]) -> Any:
    if isinstance(found, list):
        return [_changed(item, names, change) for item in found]
    if isinstance(found, dict):
        return {
            name: change(value) if name in names and not isinstance(value, dict) else _changed(value, names, change)
            for name, value in found.items()
        }
    return found


def _an_hour_on(moment: Any) -> Any:
    """A time of the wire, in ns or ms, an hour after now at least: a bar's start may lie far back."""
    if not isinstance(moment, int):
        return moment
    years = 5 * 365 * 24
    return moment + years * (HOUR_NS if moment > _NS_FROM else HOUR_NS // 1_000_000)


def _emptied(found: Any) -> Any:
    if isinstance(found, dict):
        kept = {
            name: value for name, value in found.items() if name not in ("results", "tickers", "ticker", "next_url")
        }
        return kept | {name: 0 for name in ("queryCount", "resultsCount", "count") if name in kept}
    return []
