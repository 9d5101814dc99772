"""Polygon's snapshots: of one ticker, of several, of the whole market (v2), and the universal one (v3)."""

from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import Joined, SymbolPath, Whole
from dekr.http.native.snapshots import listed, one_snapshot, several, universal_page
from dekr.http.paging.list_page import CursorQuery, OrderQuery
from dekr.http.polygon.shapes import Page, TickerSnapshot, TickerSnapshots

MARKET: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
MARKET_COST: Final = 10
"""Requests that the whole market counts for."""


def snapshot_routes(edge: Edge) -> None:
    """Add the routes."""

    @edge.get(f"{MARKET}/<symbol>", responses=polygon_of(TickerSnapshot))
    def ticker_snapshot(symbol: SymbolPath) -> Response[str]:
        """Polygon's snapshot of one ticker."""
        return edge.polygon({"ticker": one_snapshot(edge, symbol, None)})

    @edge.get(MARKET, responses=polygon_of(TickerSnapshots))
    def market_snapshot(
        tickers: Annotated[
            str | None, Query(description="Tickers, joined by commas. Without it: the whole market."), Joined
        ] = None,
        include_otc: Annotated[Literal["false"], Query(description="OTC stocks are not served.")] = "false",
    ) -> Response[str]:
        """Polygon's snapshots of several tickers, or of the whole market: that costs ten requests."""
        del include_otc
        if not tickers:
            whole = edge.services.whole_market.get(edge.read_context(None, "market", MARKET_COST))
            return edge.gzipped(
                whole,
                field="tickers",
                rule="is required without gzip: the whole market is too long for one answer",
            )
        asked = listed(tickers, "tickers", edge.principal.tier.policy.batch)
        found = several(edge.services.snapshots.get(edge.read_context(None, "snapshot", data=len(asked)), asked))
        return edge.polygon({"count": len(found), "tickers": found})

    @edge.get("/v3/snapshot", responses=polygon_of(Page))
    def universal_snapshot(
        any_of: Annotated[str, Query(alias="ticker.any_of", description="Tickers, joined by commas."), Joined],
        type_: Annotated[Literal["stocks"], Query(alias="type", description="Only stocks.")] = "stocks",
        order: OrderQuery = "asc",
        sort: Annotated[Literal["ticker"], Query(description="What the order is of.")] = "ticker",
        limit: Annotated[int, Query(ge=1, le=250, description="Tickers in one page."), Whole] = 10,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """Polygon's universal snapshot of the tickers named; one that is not known is an item with an error."""
        del type_, sort
        asked = listed(any_of, "ticker.any_of", edge.principal.tier.policy.batch)
        found = edge.services.universal.get(edge.read_context(None, "snapshot", data=len(asked)), asked)
        results, following = universal_page(found, any_of, order, limit, cursor)
        return edge.polygon({"results": results}, following)
