"""GET /snapshot/{symbol} and Polygon's snapshots: the day of a ticker so far."""

from typing import Annotated, Literal

from dekr.errors import DekrError
from dekr.http import Edge, Query, Response
from dekr.http.documents import json_of, polygon_of
from dekr.http.polygon_shapes import Page, TickerSnapshot, TickerSnapshots
from dekr.http.query import SymbolPath, TierQuery, Whole
from dekr.http.snapshot_answers import dekr_snapshot, listed, several, universal_page
from dekr.models import Snapshot
from dekr.symbols import Ticker

MARKET = "/v2/snapshot/locale/us/markets/stocks/tickers"
MARKET_COST = 10

edge = Edge("snapshot")


@edge.get("/snapshot/<symbol>", responses=json_of(Snapshot))
def snapshot(symbol: SymbolPath, tier: TierQuery = None) -> Response[str]:
    """The ticker's day so far, its previous day, its last minute and its change."""
    return edge.answer(dekr_snapshot(_one(symbol, tier)))


@edge.get(f"{MARKET}/<symbol>", responses=polygon_of(TickerSnapshot))
def ticker_snapshot(symbol: SymbolPath) -> Response[str]:
    """Polygon's snapshot of one ticker."""
    return edge.polygon({"ticker": _one(symbol, None)})


@edge.get(MARKET, responses=polygon_of(TickerSnapshots))
def market_snapshot(
    tickers: Annotated[
        str | None, Query(description="Tickers, joined by commas. Without it: the whole market.")
    ] = None,
    include_otc: Annotated[Literal["false"], Query(description="OTC stocks are not served.")] = "false",
) -> Response[str]:
    """Polygon's snapshots of several tickers, or of the whole market: that costs ten requests."""
    del include_otc
    if not tickers:
        whole = edge.services.whole_market.get(edge.ask(None, "market", MARKET_COST))
        return edge.packed(whole, field="tickers", rule="name the tickers you want, or accept gzip: this is too long")
    asked = listed(tickers, "tickers", edge.principal.tier.policy.batch)
    found = several(edge.services.snapshots.get(edge.ask(None, "snapshot", data=len(asked)), asked))
    return edge.polygon({"count": len(found), "tickers": found})


@edge.get("/v3/snapshot", responses=polygon_of(Page))
def universal_snapshot(
    any_of: Annotated[str, Query(alias="ticker.any_of", description="Tickers, joined by commas.")],
    type_: Annotated[Literal["stocks"], Query(alias="type", description="Only stocks.")] = "stocks",
    limit: Annotated[int, Query(ge=1, le=250, description="Tickers in one page."), Whole] = 10,
    cursor: Annotated[str | None, Query(description="Where the page before ended.")] = None,
) -> Response[str]:
    """Polygon's universal snapshot of the tickers named; one that is not known is an item with an error."""
    del type_
    asked = listed(any_of, "ticker.any_of", edge.principal.tier.policy.batch)
    found = edge.services.universal.get(edge.ask(None, "snapshot", data=len(asked)), asked)
    results, following = universal_page(found, any_of, limit, cursor)
    return edge.polygon({"results": results}, following)


def _one(symbol: str, tier: int | None) -> dict[str, object]:
    ticker = Ticker.parse(symbol).text
    found = edge.services.snapshots.get(edge.ask(tier, "snapshot"), [ticker])[ticker]
    if isinstance(found, DekrError):
        raise found
    return found


handler = edge.handler
