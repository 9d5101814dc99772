"""Answers of the aggregates endpoints: bars of a range, the previous day's bar, and one day of the whole market."""

from collections.abc import Iterator
from typing import Final

from local.sandbox import parameters
from local.sandbox.market import day_span
from local.sandbox.parameters import Query
from local.sandbox.trading_days import newest_over, trading_day
from local.sandbox.universe import LISTED_SINCE, ranks, tickers
from local.sandbox.view import View
from local.sandbox.windows import MOST_UNITS, TIMESPANS, Bar, Series
from local.sandbox.wire import Json, bad_request, bar

USUAL: Final = 5_000
MOST: Final = 50_000


def of_range(view: View, path: Query, query: Query) -> Json:
    """``/v2/aggs/ticker/{t}/range/{mult}/{timespan}/{from}/{to}``.

    ``limit`` counts base bars: minutes under minute and hour, days above. A page holds whole bars, one at least.
    """
    ticker, timespan = path["ticker"], path["timespan"]
    if timespan not in TIMESPANS:
        raise bad_request(f"Could not parse the timespan: '{timespan}'")
    multiplier = parameters.whole(path["multiplier"], "multiplier", MOST_UNITS)
    first_ms = parameters.moment_ms(path["from"], "from", end_of_day=False)
    last_ms = parameters.moment_ms(path["to"], "to", end_of_day=True)
    if first_ms > last_ms:
        raise bad_request("The parameter 'to' cannot be a time that occurs before 'from'")
    adjusted, newest_first = parameters.adjusted(query), parameters.newest_first(query)
    limit = parameters.limit(query, USUAL, MOST)
    if ticker not in ranks():
        return _envelope(view, ticker, [], 0, adjusted=adjusted)
    series = Series(view.seed, ticker, multiplier, timespan, adjusted, view.seen_us)
    page, used, following = _page(series.bars(first_ms, last_ms, newest_first=newest_first), limit)
    answer = _envelope(view, ticker, [bar(b.span) | {"t": b.start_ms} for b in page], used, adjusted=adjusted)
    if following is not None:
        bounds = (first_ms, following.start_ms) if newest_first else (following.start_ms, last_ms)
        where = f"{ticker}/range/{multiplier}/{timespan}/{bounds[0]}/{bounds[1]}"
        answer["next_url"] = f"{view.base}/v2/aggs/ticker/{where}?cursor={parameters.cursor(query)}"
    return answer


def previous(view: View, path: Query, query: Query) -> Json:
    """``/v2/aggs/ticker/{t}/prev``: the last trading day that is over."""
    ticker, adjusted = path["ticker"], parameters.adjusted(query)
    day = newest_over(view.seen_us)
    span = day_span(view.seed, ticker, day.date, view.seen_us) if ticker in ranks() else None
    if span is None:
        return _envelope(view, ticker, [], 0, adjusted=adjusted)
    # The vendor stamps this bar, like those of a whole market's day, with the end of trading.
    found = bar(span.scaled(view.ratio(ticker, day.date, adjusted=adjusted))) | {"t": day.close_us // 1000}
    return _envelope(view, ticker, [{"T": ticker} | found], 1, adjusted=adjusted)


def whole_market(view: View, path: Query, query: Query) -> Json:
    """``/v2/aggs/grouped/locale/us/market/stocks/{date}``: a bar for each ticker, from the close of the day on."""
    day, adjusted = parameters.day(path["date"], "date"), parameters.adjusted(query)
    found = trading_day(day) if LISTED_SINCE <= day <= view.today else None
    results: list[Json] = []
    if found is not None and found.close_us <= view.seen_us:
        for ticker in tickers():
            span = day_span(view.seed, ticker, day, view.seen_us)
            if span is not None:
                fields = bar(span.scaled(view.ratio(ticker, day, adjusted=adjusted)))
                results.append({"T": ticker} | fields | {"t": found.close_us // 1000})
    return _envelope(view, None, results, len(results), adjusted=adjusted)


def _page(bars: Iterator[Bar], limit: int) -> tuple[list[Bar], int, Bar | None]:
    """The bars that ``limit`` base bars make, how many those are, and the bar after them."""
    page: list[Bar] = []
    used = 0
    for found in bars:
        if page and used + found.base > limit:
            return page, used, found
        page.append(found)
        used += found.base
    return page, used, None


def _envelope(view: View, ticker: str | None, results: list[Json], used: int, *, adjusted: bool) -> Json:
    answer = view.envelope(queryCount=used, resultsCount=len(results), adjusted=adjusted)
    if ticker is not None:
        answer = {"ticker": ticker} | answer
    return answer | {"results": results, "count": len(results)} if results else answer
