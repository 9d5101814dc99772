"""The vendor's answers in their exact shapes: envelopes, quotes, trades, snapshots, errors."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from dekr import sessions
from dekr.calendar_table import CLOSED, EARLY
from local.sandbox import aggregates, market
from local.sandbox.aggregates import Window
from local.sandbox.market import Bar, Tick
from local.sandbox.universe import ranks, tickers

MOST = 50_000
MOST_SNAPSHOTS = 250


class Refusal(Exception):
    """An error of the vendor: its status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def bad(message: str) -> Refusal:
    """400."""
    return Refusal(400, {"status": "ERROR", "request_id": "sandbox", "error": message})


def not_found() -> Refusal:
    """404 with a body."""
    return Refusal(404, {"status": "NOT_FOUND", "request_id": "sandbox", "message": "Data not found."})


def not_authorized() -> Refusal:
    """403."""
    message = "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing"
    return Refusal(403, {"status": "NOT_AUTHORIZED", "request_id": "sandbox", "message": message})


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one market as seen at a moment by one plan. ``base``: the address for next_url."""

    seed: int
    now_us: int
    delayed: bool
    quotes: bool
    base: str

    @property
    def status(self) -> str:
        """The envelope's status."""
        return "DELAYED" if self.delayed else "OK"

    def envelope(self, **fields: Any) -> dict[str, Any]:
        """What every answer carries."""
        return {"status": self.status, "request_id": "sandbox", **fields}

    def listed(self, ticker: str) -> str:
        """The ticker; 404 for one that is not listed."""
        if ticker not in ranks():
            raise not_found()
        return ticker

    def ratio(self, ticker: str, bar: Bar, *, adjusted: bool) -> int:
        """What a raw price of the bar's time is multiplied by."""
        return 1 if adjusted else market.split_ratio(self.seed, ticker, bar.t)

    def range(self, path: dict[str, str], query: dict[str, str]) -> dict[str, Any]:
        """``/v2/aggs/ticker/{t}/range/{mult}/{timespan}/{from}/{to}``."""
        window = _window(path["multiplier"], path["timespan"])
        first_ms, last_ms = _bound(path["first"], "from"), _bound(path["last"], "to", end=True)
        if first_ms > last_ms:
            raise bad("The parameter 'to' cannot be a time that occurs before 'from'")
        adjusted, newest_first, limit = _adjusted(query), query.get("sort", "asc") == "desc", _limit(query, 5000, MOST)
        ticker = path["ticker"]
        envelope = self.envelope(ticker=ticker, adjusted=adjusted)
        if ticker not in ranks():
            return {**envelope, "queryCount": 0, "resultsCount": 0}
        bars, used, following = aggregates.page(
            self.seed, ticker, window, first_ms, last_ms, self.now_us, limit, newest_first=newest_first
        )
        envelope |= {"queryCount": used, "resultsCount": len(bars)}
        if bars:
            envelope |= {
                "count": len(bars),
                "results": [bar.wire(self.ratio(ticker, bar, adjusted=adjusted)) for bar in bars],
            }
        if following is not None:
            rest = {"last": str(following)} if newest_first else {"first": str(following)}
            after = {**path, "first": str(first_ms), "last": str(last_ms), **rest}
            cursor = base64.urlsafe_b64encode(json.dumps(query | {"limit": str(limit)}).encode()).decode()
            where = f"{ticker}/range/{after['multiplier']}/{after['timespan']}/{after['first']}/{after['last']}"
            envelope["next_url"] = f"{self.base}/v2/aggs/ticker/{where}?{urlencode({'cursor': cursor})}"
        return envelope

    def previous(self, ticker: str, query: dict[str, str]) -> dict[str, Any]:
        """``/v2/aggs/ticker/{t}/prev``: the last trading day that is over."""
        adjusted = _adjusted(query)
        envelope = self.envelope(ticker=ticker, adjusted=adjusted)
        bar = self._previous_day(ticker) if ticker in ranks() else None
        if bar is None:
            return {**envelope, "queryCount": 0, "resultsCount": 0}
        result = {"T": ticker, **bar.wire(self.ratio(ticker, bar, adjusted=adjusted))}
        return {**envelope, "queryCount": 1, "resultsCount": 1, "count": 1, "results": [result]}

    def grouped(self, day_text: str, query: dict[str, str]) -> dict[str, Any]:
        """``/v2/aggs/grouped/locale/us/market/stocks/{date}``: one bar for every ticker, stamped with the day's end."""
        day, adjusted = _day(day_text, "date"), _adjusted(query)
        trading = market.trading_day(day)
        results = []
        if trading is not None and trading.close_us <= self.now_us:
            for ticker in tickers():
                bar = market.day_until(self.seed, ticker, day, self.now_us)
                if bar is not None:
                    wire = bar.wire(self.ratio(ticker, bar, adjusted=adjusted))
                    results.append({"T": ticker, **wire, "t": trading.close_us // 1000})
        envelope = self.envelope(adjusted=adjusted, queryCount=len(results), resultsCount=len(results))
        return {**envelope, "count": len(results), "results": results} if results else envelope

    def last_quote(self, ticker: str) -> dict[str, Any]:
        """``/v2/last/nbbo/{t}``: lower case is the bid, upper case the ask; times in ns."""
        now = self._tick(self.listed(ticker))
        ns = now.at_us * 1000
        results = {"T": ticker, "P": now.ask, "S": now.sizes[1], "X": 11, "c": [1], "i": [604], "p": now.bid}
        results |= {"q": now.sequence, "s": now.sizes[0], "t": ns, "x": 12, "y": ns - 300_000, "z": 3}
        return self.envelope(results=results)

    def last_trade(self, ticker: str) -> dict[str, Any]:
        """``/v2/last/trade/{t}``."""
        now = self._tick(self.listed(ticker))
        ns = now.at_us * 1000
        results = {"T": ticker, "c": [12, 37], "i": str(now.sequence), "p": now.last, "q": now.sequence + 1}
        results |= {"r": 202, "s": now.sizes[2] * 10, "t": ns, "x": 4, "y": ns - 300_000, "f": ns - 200_000, "z": 3}
        return self.envelope(results=results)

    def snapshot(self, ticker: str) -> dict[str, Any]:
        """``/v2/snapshot/.../tickers/{t}``."""
        return self.envelope(ticker=self._snapshot(self.listed(ticker)))

    def snapshots(self, query: dict[str, str]) -> dict[str, Any]:
        """``/v2/snapshot/.../tickers[?tickers=A,B]``: those that are listed, or the whole market."""
        asked = query["tickers"].split(",") if query.get("tickers") else tickers()
        found = [self._snapshot(ticker) for ticker in asked if ticker in ranks()]
        return self.envelope(count=len(found), tickers=found)

    def universal(self, query: dict[str, str]) -> dict[str, Any]:
        """``/v3/snapshot?ticker.any_of=``: up to 250; an unknown ticker is an item of its own."""
        asked = query["ticker.any_of"].split(",") if query.get("ticker.any_of") else list(tickers())
        if "ticker.any_of" in query and len(asked) > MOST_SNAPSHOTS:
            raise bad("ticker.any_of cannot exceed 250 tickers")
        limit = _limit(query, 10, MOST_SNAPSHOTS)
        start = int(query.get("start", "0"))
        page = asked[start : start + limit]
        answer = self.envelope(results=[self._universal(ticker) for ticker in page])
        if start + limit < len(asked):
            rest = {
                **{k: v for k, v in query.items() if k != "start"},
                "limit": str(limit),
                "start": str(start + limit),
            }
            cursor = base64.urlsafe_b64encode(json.dumps(rest).encode()).decode()
            answer["next_url"] = f"{self.base}/v3/snapshot?{urlencode({'cursor': cursor})}"
        return answer

    def market_now(self) -> dict[str, Any]:
        """``/v1/marketstatus/now``."""
        session = sessions.at(self.now_us).session
        market_state = {"regular": "open", "closed": "closed"}.get(session, "extended-hours")
        state = {"pre": "extended-hours", "post": "extended-hours", "regular": "open", "closed": "closed"}[session]
        return {
            "market": market_state,
            "earlyHours": session == "pre",
            "afterHours": session == "post",
            "exchanges": {"nasdaq": state, "nyse": state, "otc": state},
            "currencies": {"crypto": "open", "fx": "open"},
            "indicesGroups": {"s_and_p": state, "dow_jones": state, "nasdaq": state},
            "serverTime": datetime.fromtimestamp(self.now_us // 1_000_000, UTC).isoformat(),
        }

    def market_upcoming(self) -> list[dict[str, Any]]:
        """``/v1/marketstatus/upcoming``: closures and early closes to come, each exchange an item."""
        today = sessions.eastern_date(self.now_us)
        items = []
        for day in sorted(day for day in CLOSED | EARLY if today <= day <= today + timedelta(days=365)):
            for exchange in ("NYSE", "NASDAQ"):
                item = {"date": day.isoformat(), "exchange": exchange, "name": "Market holiday", "status": "closed"}
                trading = market.trading_day(day)
                if trading is not None:
                    bounds = {"open": _rfc3339(trading.open_us), "close": _rfc3339(trading.close_us)}
                    item |= {"status": "early-close", **bounds}
                items.append(item)
        return items

    def _tick(self, ticker: str) -> Tick:
        return market.tick(self.seed, ticker, self.now_us)

    def _previous_day(self, ticker: str) -> Bar | None:
        day = sessions.eastern_date(self.now_us)
        for back in range(11):
            trading = market.trading_day(day - timedelta(days=back))
            if trading is not None and trading.post_close_us <= self.now_us:
                bar = market.whole_day(self.seed, ticker, trading.date)
                if bar is not None:
                    return bar
        return None

    def _snapshot(self, ticker: str) -> dict[str, Any]:
        now, today = self._tick(ticker), market.last_trading_day(self.now_us)
        minutes = market.minutes_until(self.seed, ticker, today.date, self.now_us)
        day = market.merged(today.pre_open_us // 1000, minutes).wire() if minutes else _nothing()
        last = minutes[-1].wire() | {"av": day["v"]} if minutes else _nothing() | {"t": 0, "n": 0, "av": 0}
        before = market.trading_day(today.date)
        previous = self._day_before(ticker, before.date if before else today.date)
        change = round((day["c"] or previous["c"]) - previous["c"], 4)
        found: dict[str, Any] = {
            "ticker": ticker,
            "todaysChange": change,
            "todaysChangePerc": round(change / previous["c"] * 100, 6) if previous["c"] else 0,
            "updated": now.at_us * 1000,
            "day": {name: day[name] for name in ("o", "h", "l", "c", "v", "vw")},
            "min": {name: last[name] for name in ("av", "t", "n", "o", "h", "l", "c", "v", "vw")},
            "prevDay": {name: previous[name] for name in ("o", "h", "l", "c", "v", "vw")},
        }
        if self.quotes:
            ns = now.at_us * 1000
            found["lastQuote"] = {"P": now.ask, "S": now.sizes[1], "p": now.bid, "s": now.sizes[0], "t": ns}
            found["lastTrade"] = {
                "c": [14, 41],
                "i": str(now.sequence),
                "p": now.last,
                "s": now.sizes[2],
                "t": ns,
                "x": 4,
            }
        return found

    def _day_before(self, ticker: str, day: date) -> dict[str, float]:
        for back in range(1, 11):
            bar = market.whole_day(self.seed, ticker, day - timedelta(days=back))
            if bar is not None:
                return bar.wire()
        return _nothing()

    def _universal(self, ticker: str) -> dict[str, Any]:
        if ticker not in ranks():
            return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
        v2, now = self._snapshot(ticker), self._tick(ticker)
        state = self.market_now()["market"]
        timeframe = "DELAYED" if self.delayed else "REAL-TIME"
        day = v2["day"]
        found: dict[str, Any] = {
            "ticker": ticker,
            "type": "stocks",
            "name": ticker,
            "market_status": {"open": "open", "closed": "closed"}.get(state, "early_trading"),
            "session": {
                "price": now.last,
                "change": v2["todaysChange"],
                "change_percent": v2["todaysChangePerc"],
                "open": day["o"],
                "high": day["h"],
                "low": day["l"],
                "close": day["c"],
                "volume": day["v"],
                "previous_close": v2["prevDay"]["c"],
                "last_updated": v2["updated"],
            },
        }
        if self.quotes:
            ns = now.at_us * 1000
            found["last_quote"] = {"last_updated": ns, "timeframe": timeframe, "ask": now.ask, "ask_size": now.sizes[1]}
            found["last_quote"] |= {"bid": now.bid, "bid_size": now.sizes[0]}
            trade = {"last_updated": ns, "timeframe": timeframe, "id": str(now.sequence), "price": now.last}
            found["last_trade"] = trade | {"size": now.sizes[2], "exchange": 4, "sip_timestamp": ns}
        return found


def _nothing() -> dict[str, float]:
    return dict.fromkeys(("o", "h", "l", "c", "v", "vw"), 0)


def _rfc3339(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _window(multiplier: str, timespan: str) -> Window:
    if timespan not in aggregates.TIMESPANS:
        raise bad(f"Could not parse the timespan: '{timespan}'")
    if not multiplier.isdigit() or int(multiplier) < 1:
        raise bad("The multiplier must be a whole number from 1")
    return Window(int(multiplier), timespan)


def _bound(text: str, name: str, *, end: bool = False) -> int:
    if text.lstrip("-").isdigit():
        return int(text)
    day = _day(text, name)
    if end:
        return sessions.eastern_midnight_us(day + timedelta(days=1)) // 1000 - 1
    return sessions.eastern_midnight_us(day) // 1000


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps") from None


def _adjusted(query: dict[str, str]) -> bool:
    return query.get("adjusted", "true").lower() != "false"


def _limit(query: dict[str, str], usual: int, most: int) -> int:
    text = query.get("limit", str(usual))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise bad(f"The limit must be between 1 and {most}")
    return int(text)
