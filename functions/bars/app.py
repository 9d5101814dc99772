"""GET /market-data/{symbol}: bars of a ticker."""

from typing import Annotated, Literal

from dekr.http import Edge, Query, Response
from dekr.http.bar_pages import BarQuery, page
from dekr.http.documents import json_of
from dekr.http.query import SymbolPath, TierQuery, Whole
from dekr.market.segments import Timespan
from dekr.models import Bar
from dekr.symbols import Ticker

edge = Edge("bars", symbol_under="/market-data/")


@edge.get("/market-data/<symbol>", responses=json_of(list[Bar]))
def bars(
    symbol: SymbolPath,
    timespan: Annotated[Timespan, Query(description="The unit of a bar's window.")] = Timespan.DAY,
    multiplier: Annotated[int, Query(ge=1, le=1440, description="How many units a window has."), Whole] = 1,
    limit: Annotated[int, Query(ge=1, le=50_000, description="The N most recent bars."), Whole] = 100,
    first: Annotated[str | None, Query(alias="from", description="First day (YYYY-MM-DD) or moment (ms).")] = None,
    last: Annotated[str | None, Query(alias="to", description="Last day (YYYY-MM-DD) or moment (ms).")] = None,
    adjusted: Annotated[Literal["true", "false"], Query(description="Adjusted for splits.")] = "true",
    sort: Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first.")] = "asc",
    cursor: Annotated[str | None, Query(description="Where the page before ended.")] = None,
    tier: TierQuery = None,
) -> Response[str]:
    """The ticker's most recent bars, in full as many as were asked for where they exist."""
    asked = BarQuery.parse(
        Ticker.parse(symbol),
        timespan=timespan,
        multiplier=multiplier,
        limit=limit,
        first=first,
        last=last,
        cursor=cursor,
        adjusted=adjusted == "true",
        newest_first=sort == "desc",
        now_ms=edge.services.now_us() // 1000,
    )
    ask = edge.ask(tier, "bars")
    rows = edge.services.bars.get(ask, asked.series, asked.range)
    body, links = page(asked, rows)
    return edge.answer(body, headers=links)


handler = edge.handler
