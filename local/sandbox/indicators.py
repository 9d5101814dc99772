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

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 5_000
MAX_WINDOW: Final = 1_000
TIMESPANS: Final = ("minute", "hour", "day", "week", *MONTHS)
PRICES: Final = ("open", "high", "low", "close")
_WARM_UP_WINDOWS: Final = 40
"""The number of windows of bars before the first value: after so many the start value no longer affects a double."""


@dataclass(frozen=True, slots=True)
class Formula:
    """An indicator's computation.

    ``values`` maps prices in order of time to one value for each price, or None where there is none yet; ``warm_up`` is
    the number of prices needed before the first requested one.
    """

    values: Callable[[Sequence[int]], Sequence[Json | None]]
    warm_up: int


def sma(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v1/indicators/sma/{t}``. Raises Refusal (400) for a malformed parameter."""
    window = _window(query, "window", 50)
    return _answer(view, "sma", path, query, Formula(lambda prices: _single(formulas.sma(prices, window)), window))


def ema(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v1/indicators/ema/{t}``. Raises Refusal (400) for a malformed parameter."""
    window = _window(query, "window", 50)

    def values(prices: Sequence[int]) -> Sequence[Json | None]:
        return _single(formulas.ema(_dollars(prices), window))

    return _answer(view, "ema", path, query, Formula(values, window * _WARM_UP_WINDOWS))


def rsi(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v1/indicators/rsi/{t}``. Raises Refusal (400) for a malformed parameter."""
    window = _window(query, "window", 14)
    formula = Formula(lambda prices: _single(formulas.rsi(prices, window)), window * _WARM_UP_WINDOWS)
    return _answer(view, "rsi", path, query, formula)


def macd(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v1/indicators/macd/{t}``. Raises Refusal (400) for a malformed parameter."""
    short, long = _window(query, "short_window", 12), _window(query, "long_window", 26)
    signal = _window(query, "signal_window", 9)
    if short >= long:
        raise bad_request("The parameter 'short_window' must be smaller than 'long_window'")

    def values(prices: Sequence[int]) -> Sequence[Json | None]:
        computed = formulas.macd(_dollars(prices), short, long, signal)
        names = ("value", "signal", "histogram")
        return [None if item is None else dict(zip(names, item, strict=True)) for item in computed]

    return _answer(view, "macd", path, query, Formula(values, (long + signal) * _WARM_UP_WINDOWS))


def _answer(view: View, kind: str, path: Query, query: Query, formula: Formula) -> Json:
    ticker = path["ticker"]
    first_ms, last_ms = bounds.between(query, "timestamp", bounds.in_ms)
    last_ms = min(last_ms, view.seen_us // 1000)
    newest_first, limit = parameters.descending(query), parameters.limit(query, DEFAULT_LIMIT, MAX_LIMIT)
    timespan = parameters.choice(query, "timespan", TIMESPANS, "day")
    price = PRICES.index(parameters.choice(query, "series_type", PRICES, "close"))
    expand = parameters.boolean(query, "expand_underlying", default=False)
    series = Series(view.seed, ticker, 1, timespan, parameters.adjusted(query), view.seen_us)
    marker = paging.numeric_marker(query)
    if marker is not None:
        first_ms, last_ms = (
            (first_ms, min(last_ms, marker - 1)) if newest_first else (max(first_ms, marker + 1), last_ms)
        )
    bars: list[Bar] = []
    if ticker in ranks():
        bars = _bars(series, first_ms, last_ms, limit + 1, formula.warm_up, newest_first=newest_first)
    values = formula.values([each.span[price] for each in bars])
    values_in_range = [
        {"timestamp": each.start_ms} | value
        for each, value in zip(bars, values, strict=True)
        if value is not None and first_ms <= each.start_ms <= last_ms
    ]
    page, more = paging.page(values_in_range[::-1] if newest_first else values_in_range, limit)
    results: Json = {"underlying": {"url": _underlying(view, series, bars)}}
    if expand:
        results["underlying"]["aggregates"] = [bar(each.span) | {"t": each.start_ms} for each in bars]
    if page:
        results["values"] = page
    answer = view.envelope(results=results)
    address = f"/v1/indicators/{kind}/{ticker}"
    return answer | paging.next_url(view, address, query, page[-1]["timestamp"]) if more else answer


def _bars(series: Series, first_ms: int, last_ms: int, count: int, warm_up: int, *, newest_first: bool) -> list[Bar]:
    """Return the bars of the page and the earlier ones that its first value needs, in order of time."""
    if newest_first:
        return list(islice(series.bars(0, last_ms, newest_first=True), count + warm_up))[::-1]
    warm = series.bars(0, first_ms - 1, newest_first=True)
    page = (each for each in series.bars(first_ms, last_ms, newest_first=False) if each.start_ms >= first_ms)
    return [*list(islice(warm, warm_up))[::-1], *islice(page, count + warm_up)]


def _underlying(view: View, series: Series, bars: Sequence[Bar]) -> str:
    first, last = (bars[0].start_ms, bars[-1].start_ms) if bars else (0, view.seen_us // 1000)
    adjusted = str(series.adjusted).lower()
    address = f"{series.ticker}/range/1/{series.timespan}/{first}/{last}"
    return f"{view.base}/v2/aggs/ticker/{address}?adjusted={adjusted}&limit=50000&sort=desc"


def _window(query: Query, name: str, default: int) -> int:
    return parameters.whole_number(query.get(name, str(default)), name, MAX_WINDOW)


def _dollars(prices: Sequence[int]) -> list[float]:
    return [price / DOLLAR for price in prices]


def _single(values: formulas.Values) -> list[Json | None]:
    return [None if value is None else {"value": value} for value in values]
