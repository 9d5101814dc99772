"""Answers of the indicator endpoints, computed from the sandbox's own bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from local.sandbox import bounds, formulas, paging, parameters
from local.sandbox.parameters import Query
from local.sandbox.span import DOLLAR
from local.sandbox.universe import ranks
from local.sandbox.view import View
from local.sandbox.windows import MONTHS, Bar, Series
from local.sandbox.wire import Json, bad_request, bar

USUAL: Final = 10
MOST: Final = 5_000
WIDEST: Final = 1_000
TIMESPANS: Final = ("minute", "hour", "day", "week", *MONTHS)
PRICES: Final = ("open", "high", "low", "close")
_WARM: Final = 40
"""How many windows of bars stand before the first value: by then the seed counts for less than a double can tell."""


@dataclass(frozen=True, slots=True)
class Formula:
    """``values``: of prices in order; ``warm_up``: how many prices before the first that is asked for."""

    values: Callable[[Sequence[int]], Sequence[Json | None]]
    warm_up: int


def sma(view: View, path: Query, query: Query) -> Json:
    """``/v1/indicators/sma/{t}``."""
    window = _window(query, "window", 50)
    return _answer(view, "sma", path, query, Formula(lambda prices: _single(formulas.sma(prices, window)), window))


def ema(view: View, path: Query, query: Query) -> Json:
    """``/v1/indicators/ema/{t}``."""
    window = _window(query, "window", 50)

    def values(prices: Sequence[int]) -> Sequence[Json | None]:
        return _single(formulas.ema(_dollars(prices), window))

    return _answer(view, "ema", path, query, Formula(values, window * _WARM))


def rsi(view: View, path: Query, query: Query) -> Json:
    """``/v1/indicators/rsi/{t}``."""
    window = _window(query, "window", 14)
    formula = Formula(lambda prices: _single(formulas.rsi(prices, window)), window * _WARM)
    return _answer(view, "rsi", path, query, formula)


def macd(view: View, path: Query, query: Query) -> Json:
    """``/v1/indicators/macd/{t}``."""
    short, long = _window(query, "short_window", 12), _window(query, "long_window", 26)
    signal = _window(query, "signal_window", 9)
    if short >= long:
        raise bad_request("The parameter 'short_window' must be smaller than 'long_window'")

    def values(prices: Sequence[int]) -> Sequence[Json | None]:
        found = formulas.macd(_dollars(prices), short, long, signal)
        names = ("value", "signal", "histogram")
        return [None if item is None else dict(zip(names, item, strict=True)) for item in found]

    return _answer(view, "macd", path, query, Formula(values, (long + signal) * _WARM))


def _answer(view: View, kind: str, path: Query, query: Query, formula: Formula) -> Json:
    ticker = path["ticker"]
    first_ms, last_ms = bounds.between(query, "timestamp", bounds.in_ms)
    last_ms = min(last_ms, view.seen_us // 1000)
    newest_first, limit = parameters.descending(query), parameters.limit(query, USUAL, MOST)
    timespan = parameters.one_of(query, "timespan", TIMESPANS, "day")
    price = PRICES.index(parameters.one_of(query, "series_type", PRICES, "close"))
    expanded = parameters.one_of(query, "expand_underlying", {"true", "false"}, "false") == "true"
    series = Series(view.seed, ticker, 1, timespan, parameters.adjusted(query), view.seen_us)
    mark = paging.marked_number(query)
    if mark is not None:
        first_ms, last_ms = (first_ms, min(last_ms, mark - 1)) if newest_first else (max(first_ms, mark + 1), last_ms)
    bars: list[Bar] = []
    if ticker in ranks():
        bars = _bars(series, first_ms, last_ms, limit + 1, formula.warm_up, newest_first=newest_first)
    values = formula.values([found.span[price] for found in bars])
    known = [
        {"timestamp": found.start_ms} | value
        for found, value in zip(bars, values, strict=True)
        if value is not None and first_ms <= found.start_ms <= last_ms
    ]
    page, more = paging.page(known[::-1] if newest_first else known, limit)
    results: Json = {"underlying": {"url": _underlying(view, series, bars)}}
    if expanded:
        results["underlying"]["aggregates"] = [bar(found.span) | {"t": found.start_ms} for found in bars]
    if page:
        results["values"] = page
    answer = view.envelope(results=results)
    where = f"/v1/indicators/{kind}/{ticker}"
    return answer | paging.next_url(view, where, query, page[-1]["timestamp"]) if more else answer


def _bars(series: Series, first_ms: int, last_ms: int, wanted: int, warm_up: int, *, newest_first: bool) -> list[Bar]:
    """The bars of the page and those that its first value needs, in order."""
    if newest_first:
        return list(islice(series.bars(0, last_ms, newest_first=True), wanted + warm_up))[::-1]
    warm = series.bars(0, first_ms - 1, newest_first=True)
    page = (found for found in series.bars(first_ms, last_ms, newest_first=False) if found.start_ms >= first_ms)
    return [*list(islice(warm, warm_up))[::-1], *islice(page, wanted + warm_up)]


def _underlying(view: View, series: Series, bars: Sequence[Bar]) -> str:
    first, last = (bars[0].start_ms, bars[-1].start_ms) if bars else (0, view.seen_us // 1000)
    adjusted = str(series.adjusted).lower()
    where = f"{series.ticker}/range/1/{series.timespan}/{first}/{last}"
    return f"{view.base}/v2/aggs/ticker/{where}?adjusted={adjusted}&limit=50000&sort=desc"


def _window(query: Query, name: str, usual: int) -> int:
    return parameters.whole(query.get(name, str(usual)), name, WIDEST)


def _dollars(prices: Sequence[int]) -> list[float]:
    return [price / DOLLAR for price in prices]


def _single(values: formulas.Values) -> list[Json | None]:
    return [None if value is None else {"value": value} for value in values]
