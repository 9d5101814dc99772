"""Answers of the aggregates endpoints: bars of a range, the previous day's bar, and one day of the whole market."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from dekr import sessions
from local.sandbox import always_on, parameters
from local.sandbox.market import day_span
from local.sandbox.parameters import Query
from local.sandbox.trading_days import newest_over, trading_day
from local.sandbox.universe import LISTED_SINCE, ranks, tickers
from local.sandbox.view import View
from local.sandbox.windows import MAX_MULTIPLIER, TIMESPANS, Bar, Series
from local.sandbox.wire import Json, bad_request, bar

DEFAULT_LIMIT: Final = 5_000
MAX_LIMIT: Final = 50_000


def range_bars(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v2/aggs/ticker/{t}/range/{mult}/{timespan}/{from}/{to}``.

    ``limit`` counts base bars: minutes for minute and hour bars, days for longer ones. A page holds whole bars, at
    least one. Raises Refusal (400) for a malformed parameter.
    """
    ticker, timespan = path["ticker"], path["timespan"]
    if timespan not in TIMESPANS:
        raise bad_request(f"Could not parse the timespan: '{timespan}'")
    multiplier = parameters.whole_number(path["multiplier"], "multiplier", MAX_MULTIPLIER)
    first_ms = parameters.moment_ms(path["from"], "from", end_of_day=False)
    last_ms = parameters.moment_ms(path["to"], "to", end_of_day=True)
    if first_ms > last_ms:
        raise bad_request("The parameter 'to' cannot be a time that occurs before 'from'")
    adjusted, newest_first = parameters.adjusted(query), parameters.newest_first(query)
    limit = parameters.limit(query, DEFAULT_LIMIT, MAX_LIMIT)
    if ticker not in ranks() and ticker != always_on.TICKER:
        return _envelope(view, ticker, [], 0, adjusted=adjusted)
    series = Series(view.seed, ticker, multiplier, timespan, adjusted, view.seen_us)
    page, used, following = _page(series.bars(first_ms, last_ms, newest_first=newest_first), limit)
    answer = _envelope(view, ticker, [bar(b.span) | {"t": b.start_ms} for b in page], used, adjusted=adjusted)
    if following is not None:
        bounds = (first_ms, following.start_ms) if newest_first else (following.start_ms, last_ms)
        address = f"{ticker}/range/{multiplier}/{timespan}/{bounds[0]}/{bounds[1]}"
        answer["next_url"] = f"{view.base}/v2/aggs/ticker/{address}?cursor={parameters.cursor(query)}"
    return answer


def previous(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v2/aggs/ticker/{t}/prev`` with the bar of the last trading day that is over."""
    ticker, adjusted = path["ticker"], parameters.adjusted(query)
    day = newest_over(view.seen_us)
    if ticker == always_on.TICKER:
        yesterday = view.today - timedelta(days=1)
        whole = always_on.day_span(yesterday, view.seen_us)
        end_ms = sessions.eastern_midnight_us(view.today) // 1000
        return _envelope(
            view, ticker, [{"T": ticker} | bar(whole) | {"t": end_ms}] if whole else [], 1, adjusted=adjusted
        )
    span = day_span(view.seed, ticker, day.date, view.seen_us) if ticker in ranks() else None
    if span is None:
        return _envelope(view, ticker, [], 0, adjusted=adjusted)
    # The vendor stamps this bar, like those of a whole market's day, with the end of trading.
    fields = bar(span.scaled(view.ratio(ticker, day.date, adjusted=adjusted))) | {"t": day.close_us // 1000}
    return _envelope(view, ticker, [{"T": ticker} | fields], 1, adjusted=adjusted)


def whole_market(view: View, path: Query, query: Query) -> Json:
    """Answer ``/v2/aggs/grouped/locale/us/market/stocks/{date}`` with a bar for each ticker, once that day's market has
    closed.
    """
    day, adjusted = parameters.day(path["date"], "date"), parameters.adjusted(query)
    trading = trading_day(day) if LISTED_SINCE <= day <= view.today else None
    results: list[Json] = []
    if trading is not None and trading.close_us <= view.seen_us:
        for ticker in tickers():
            span = day_span(view.seed, ticker, day, view.seen_us)
            if span is not None:
                fields = bar(span.scaled(view.ratio(ticker, day, adjusted=adjusted)))
                results.append({"T": ticker} | fields | {"t": trading.close_us // 1000})
    return _envelope(view, None, results, len(results), adjusted=adjusted)


def _page(bars: Iterator[Bar], limit: int) -> tuple[list[Bar], int, Bar | None]:
    """Return the bars of one page of ``limit`` base bars, the number of base bars in it, and the bar that follows (or
    None).
    """
    page: list[Bar] = []
    used = 0
    for each in bars:
        if page and used + each.base > limit:
            return page, used, each
        page.append(each)
        used += each.base
    return page, used, None


def _envelope(view: View, ticker: str | None, results: list[Json], used: int, *, adjusted: bool) -> Json:
    answer = view.envelope(queryCount=used, resultsCount=len(results), adjusted=adjusted)
    if ticker is not None:
        answer = {"ticker": ticker} | answer
    return answer | {"results": results, "count": len(results)} if results else answer
