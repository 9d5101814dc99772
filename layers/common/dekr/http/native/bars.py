"""The query of the bars route, and its answer cut into pages that can be sent."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from dekr.cursors import Cursors
from dekr.http.edge.csv import line
from dekr.http.paging.bar_ranges import MAX_BARS, page_size, requested_page
from dekr.http.paging.range_page import RangePage, fitting
from dekr.http.paging.time_filters import MILLISECONDS
from dekr.market.bars.model import Row
from dekr.market.bars.segments import Series
from dekr.market.bars.service import Bars
from dekr.market.read.context import ReadContext
from dekr.times import rfc3339_ms

COLUMNS: Final = ("symbol", "timestamp", "open", "high", "low", "close", "volume", "vwap", "transactions")


@dataclass(frozen=True, slots=True)
class BarQuery:
    """A query of the bars route: one page of a series, of its newest bars up to a limit or of a whole range."""

    series: Series
    page: RangePage

    @classmethod
    def parse(
        cls,
        cursors: Cursors,
        series: Series,
        limit: int | None,
        first: str | None,
        last: str | None,
        cursor: str | None,
        newest_first: bool,  # noqa: FBT001 - as the route has it
        now_ms: int,
    ) -> "BarQuery":
        """The query that the route's parameters describe. Limit and range are not read where there is a cursor, which
        ``cursors`` opens.

        Raises InvalidInput, naming the parameter and its rule.
        """
        scope, size = f"{series.ticker}:{series.name}", page_size(series)
        whole = RangePage.over(cursors, MILLISECONDS.whole, scope, size, newest_first=newest_first)
        page = requested_page(whole, series, limit, first, last, cursor, now_ms, MAX_BARS)
        return cls(series, page)

    def rows(self, bars: Bars, context: ReadContext) -> list[Row]:
        """The bars to make this query's page of, the oldest first. Raises UnknownSymbol."""
        read = self.page.chosen(bars.oldest, bars.newest)
        return read(context, self.series, self.page.range)

    def next_path(self, page: RangePage) -> str:
        """Path and query of another page of this query."""
        series = self.series
        parameters = {
            "timespan": series.timespan,
            "multiplier": series.multiplier,
            "adjusted": str(series.adjusted).lower(),
            "sort": page.order,
            "cursor": page.cursor,
        }
        return f"/market-data/{series.ticker}?{urlencode(parameters)}"


def write_page(query: BarQuery, rows: Sequence[Row], *, csv: bool, room: float = math.inf) -> tuple[str, str | None]:
    """As many of the rows as go into a page and into ``room`` bytes, as JSON (``dekr.models.bars.Bar``) or CSV, and path and query
    of the next page. ``rows``: what ``BarQuery.rows`` read.
    """
    page, ticker = query.page, query.series.ticker
    symbol, write = (line([ticker]).removesuffix("\r\n"), _csv) if csv else (json.dumps(ticker), _json)
    begin, between, end = (line(COLUMNS), "", "") if csv else ("[", ",", "]")
    shown, _ = page.cut(rows)
    parts = fitting([write(symbol, row) for row in shown], room - len(begin) - len(end))
    _, rest = page.cut(rows, len(parts))
    return begin + between.join(parts) + end, query.next_path(rest) if rest else None


def _json(symbol: str, row: Row) -> str:
    """The bar as a JSON object. ``symbol``: the ticker as JSON."""
    # Written out, since an encoder would escape each name again for each bar. The numbers are finite ints and floats, which JSON
    # writes as ``repr`` does.
    start_ms, opened, high, low, close, volume, vwap, transactions = row
    return (
        f'{{"symbol":{symbol},"timestamp":"{rfc3339_ms(start_ms)}","open":{opened!r},"high":{high!r},"low":{low!r},'
        f'"close":{close!r},"volume":{volume!r},"vwap":{"null" if vwap is None else repr(vwap)},'
        f'"transactions":{"null" if transactions is None else repr(transactions)}}}'
    )


def _csv(symbol: str, row: Row) -> str:
    """The bar as a line of CSV, in the order of ``COLUMNS``. ``symbol``: the ticker as a cell."""
    start_ms, opened, high, low, close, volume, vwap, transactions = row
    return (
        f"{symbol},{rfc3339_ms(start_ms)},{opened!r},{high!r},{low!r},{close!r},{volume!r},"
        f"{'' if vwap is None else repr(vwap)},{'' if transactions is None else repr(transactions)}\r\n"
    )
