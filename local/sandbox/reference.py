"""Answers of the reference endpoints: the tickers, and their splits."""

from datetime import date
from functools import lru_cache
from typing import Final

from local.sandbox import bounds, paging, parameters
from local.sandbox.listing import Listing, listings
from local.sandbox.parameters import Query
from local.sandbox.universe import profile, tickers
from local.sandbox.view import View
from local.sandbox.wire import Json

DEFAULT_TICKERS: Final = 100
DEFAULT_SPLITS: Final = 10
MAX_LIMIT: Final = 1_000
MARKETS: Final = ("stocks", "otc", "crypto", "fx", "indices")
_SORTS: Final = (
    "ticker",
    "name",
    "market",
    "locale",
    "type",
    "primary_exchange",
    "currency_name",
    "cik",
    "composite_figi",
)


def all_tickers(view: View, _: Query, query: Query) -> Json:
    """Answer ``/v3/reference/tickers``: the best match first if there is a ``search``, otherwise sorted as requested.

    The whole simulated market consists of stocks. Delisted tickers appear only with ``active=false``. Raises Refusal
    (400) for a malformed parameter.
    """
    limit, newest_first = parameters.limit(query, DEFAULT_TICKERS, MAX_LIMIT), parameters.descending(query, "asc")
    sort = parameters.choice(query, "sort", _SORTS, "ticker")
    active = parameters.boolean(query, "active", default=True)
    if parameters.choice(query, "market", MARKETS, "stocks") != "stocks":
        return view.envelope(results=[], count=0)
    matches = parameters.tickers_between(query)
    search = query.get("search", "").lower()
    rows = [
        _row(item)
        for item in listings(view.seed)
        if matches(item.ticker)
        and (item.ended is None) == active
        and query.get("type", item.kind) == item.kind
        and query.get("exchange", item.exchange) == item.exchange
        and (search in item.ticker.lower() or search in item.name.lower())
    ]
    if search:
        rows.sort(key=lambda row: (row["ticker"].lower() != search, not row["ticker"].lower().startswith(search)))
    else:
        rows.sort(key=lambda row: row[sort], reverse=newest_first)
    return _answer(view, "/v3/reference/tickers", query, rows, limit)


def splits(view: View, _: Query, query: Query) -> Json:
    """Answer ``/v3/reference/splits`` with the splits that have happened. Raises Refusal (400) for a malformed parameter."""
    limit, newest_first = parameters.limit(query, DEFAULT_SPLITS, MAX_LIMIT), parameters.descending(query)
    sort = parameters.choice(query, "sort", {"execution_date", "ticker"}, "execution_date")
    first, last = bounds.between(query, "execution_date", bounds.in_days)
    matches = parameters.tickers_between(query)
    last = min(last, view.today.toordinal())
    rows = [
        {
            "execution_date": day.isoformat(),
            "id": f"E{ticker}{day.toordinal()}",
            "split_from": 1,
            "split_to": ratio,
            "ticker": ticker,
        }
        for ticker, day, ratio in _splits(view.seed)
        if first <= day.toordinal() <= last and matches(ticker)
    ]
    if parameters.choice(query, "reverse_split", {"true", "false"}, "false") == "true":
        rows = []
    rows.sort(key=lambda row: str(row[sort]), reverse=newest_first)
    return _answer(view, "/v3/reference/splits", query, rows, limit)


def _answer(view: View, path: str, query: Query, rows: list[Json], limit: int) -> Json:
    """Return one page of rows. Its marker is the number of rows before it."""
    start = paging.numeric_marker(query) or 0
    page = rows[start : start + limit]
    answer = view.envelope(results=page, count=len(page))
    end = start + len(page)
    return answer | paging.next_url(view, path, query, end) if page and end < len(rows) else answer


def _row(item: Listing) -> Json:
    row: Json = {
        "ticker": item.ticker,
        "name": item.name,
        "market": "stocks",
        "locale": "us",
        "primary_exchange": item.exchange,
        "type": item.kind,
        "active": item.ended is None,
        "currency_name": "usd",
        "cik": item.cik,
        "composite_figi": item.figi,
        "last_updated_utc": "2026-01-02T00:00:00Z",
    }
    return row if item.ended is None else row | {"delisted_utc": f"{item.ended.isoformat()}T04:00:00Z"}


@lru_cache(maxsize=2)
def _splits(seed: int) -> tuple[tuple[str, date, int], ...]:
    listed = ((ticker, profile(seed, ticker).split) for ticker in sorted(tickers()))
    return tuple((ticker, *split) for ticker, split in listed if split is not None)
