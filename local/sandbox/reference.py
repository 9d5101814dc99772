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

USUAL_TICKERS: Final = 100
USUAL_SPLITS: Final = 10
MOST: Final = 1_000
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
    """``/v3/reference/tickers``: those of a ``search`` the best first, others in the order asked for.

    The whole simulated market is of stocks. A delisted ticker is found by ``active=false`` alone.
    """
    limit, newest_first = parameters.limit(query, USUAL_TICKERS, MOST), parameters.descending(query, "asc")
    sort = parameters.one_of(query, "sort", _SORTS, "ticker")
    active = parameters.one_of(query, "active", {"true", "false"}, "true") == "true"
    if parameters.one_of(query, "market", MARKETS, "stocks") != "stocks":
        return view.envelope(results=[], count=0)
    wanted = parameters.tickers_between(query)
    word = query.get("search", "").lower()
    found = [
        _row(item)
        for item in listings(view.seed)
        if wanted(item.ticker)
        and (item.ended is None) == active
        and query.get("type", item.kind) == item.kind
        and query.get("exchange", item.exchange) == item.exchange
        and (word in item.ticker.lower() or word in item.name.lower())
    ]
    if word:
        found.sort(key=lambda row: (row["ticker"].lower() != word, not row["ticker"].lower().startswith(word)))
    else:
        found.sort(key=lambda row: row[sort], reverse=newest_first)
    return _answer(view, "/v3/reference/tickers", query, found, limit)


def splits(view: View, _: Query, query: Query) -> Json:
    """``/v3/reference/splits``: those that have happened."""
    limit, newest_first = parameters.limit(query, USUAL_SPLITS, MOST), parameters.descending(query)
    sort = parameters.one_of(query, "sort", {"execution_date", "ticker"}, "execution_date")
    first, last = bounds.between(query, "execution_date", bounds.in_days)
    wanted = parameters.tickers_between(query)
    last = min(last, view.today.toordinal())
    found = [
        {
            "execution_date": day.isoformat(),
            "id": f"E{ticker}{day.toordinal()}",
            "split_from": 1,
            "split_to": ratio,
            "ticker": ticker,
        }
        for ticker, day, ratio in _splits(view.seed)
        if first <= day.toordinal() <= last and wanted(ticker)
    ]
    if parameters.one_of(query, "reverse_split", {"true", "false"}, "false") == "true":
        found = []
    found.sort(key=lambda row: str(row[sort]), reverse=newest_first)
    return _answer(view, "/v3/reference/splits", query, found, limit)


def _answer(view: View, path: str, query: Query, found: list[Json], limit: int) -> Json:
    """A page of rows; its marker is how many are before it."""
    begins = paging.marked_number(query) or 0
    page = found[begins : begins + limit]
    answer = view.envelope(results=page, count=len(page))
    ends = begins + len(page)
    return answer | paging.next_url(view, path, query, ends) if page and ends < len(found) else answer


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
    found = ((ticker, profile(seed, ticker).split) for ticker in sorted(tickers()))
    return tuple((ticker, *split) for ticker, split in found if split is not None)
