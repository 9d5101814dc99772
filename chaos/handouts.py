"""Extract the values in the upstream's answers and in the service's answers, so that both can be compared.

A value's fingerprint is made of the upstream's time and figures, so a value that was changed on its way does not match.
The upstream's news are handled by chaos.news_handouts.
"""

import calendar
import json
import time
from collections.abc import Iterator
from typing import Any

from chaos.history import Value
from chaos.news_handouts import news_value


def from_upstream(path: str, body: bytes) -> Iterator[Value]:
    """Yield the values in a good answer to an upstream call. ``path`` includes the query.

    Raises ValueError, KeyError or TypeError for a body that is garbage.
    """
    answer = json.loads(body)
    results: Any = answer.get("results") or []
    match path.partition("?")[0].split("/")[1:4]:
        case ["v2", "last", kind]:
            yield _trade(results["T"], results) if kind == "trade" else _quote(results["T"], results)
        case ["v2", "snapshot", _]:
            for ticker in answer["tickers"] if "tickers" in answer else [answer["ticker"]]:
                yield _quote(ticker["ticker"], ticker["lastQuote"])
                yield _trade(ticker["ticker"], ticker["lastTrade"])
        case ["v3", "snapshot"]:
            for item in results:
                if "error" not in item:
                    yield from _from_item(item)
        case ["v2", "aggs", _]:
            for bar in results:
                yield Value("bar", answer["ticker"], f"{bar['t'] * 10**6} {bar['c']} {bar['v']}")


def from_answer(route: str, tickers: tuple[str, ...], body: Any) -> tuple[tuple[Value, ...], tuple[str, ...]]:  # noqa: ANN401 - any parsed JSON
    """Return the values in a good answer of the service, and the tickers that it calls unknown or of which it has no bars."""
    match route:
        case "quote":
            return (_service_quote(tickers[0], body),), ()
        case "nbbo":
            return (_quote(body["results"]["T"], body["results"]),), ()
        case "trade":
            return (Value("trade", tickers[0], f"{_ns(body['timestamp'])} {body['price']} {body['size']}"),), ()
        case "batch":
            good = [ticker for ticker in tickers if "error" not in body[ticker]]
            unknown = [t for t in tickers if body[t].get("error", {}).get("code") == "unknown_symbol"]
            return tuple(_service_quote(ticker, body[ticker]) for ticker in good), tuple(unknown)
        case "bars":
            return tuple(_service_bar(tickers[0], last) for last in body[-1:]), () if body else tickers
        case _:
            ids = [article["id"] for article in body["articles"]]
            return ((news_value(tickers[0], ids),) if ids else ()), ()


def _from_item(item: dict[str, Any]) -> Iterator[Value]:
    quote, trade = item["last_quote"], item["last_trade"]
    yield Value("quote", item["ticker"], f"{quote['last_updated']} {quote['bid']} {quote['ask']}")
    yield Value("trade", item["ticker"], f"{trade['sip_timestamp']} {trade['price']} {trade['size']}")


def _quote(ticker: str, fields: dict[str, Any]) -> Value:
    return Value("quote", ticker, f"{fields['t']} {fields['p']} {fields['P']}")


def _trade(ticker: str, fields: dict[str, Any]) -> Value:
    return Value("trade", ticker, f"{fields['t']} {fields['p']} {fields['s']}")


def _service_quote(ticker: str, body: dict[str, Any]) -> Value:
    return Value("quote", ticker, f"{_ns(body['timestamp'])} {body['bid']} {body['ask']}")


def _service_bar(ticker: str, body: dict[str, Any]) -> Value:
    return Value("bar", ticker, f"{_ns(body['timestamp'])} {body['close']} {body['volume']}")


def _ns(text: str) -> int:
    """Convert a moment in RFC 3339 to nanoseconds since the epoch."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))
