"""Polygon's snapshots: of one ticker, of several, of the whole market (v2), and the universal one (v3)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.errors import DekrError, InvalidInput, UnknownSymbol, UpstreamInvalid
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import Joined, SymbolPath, Whole
from dekr.http.paging import cursors
from dekr.http.paging.parameters import CursorQuery
from dekr.http.polygon.parameters import SYMBOL
from dekr.http.polygon.shapes import Page, TickerSnapshot, TickerSnapshots
from dekr.polygon.endpoints import MARKET, SNAPSHOT, UNIVERSAL
from dekr.symbols import Ticker

MARKET_COST: Final = 10
"""Requests that the whole market counts for."""


def snapshot_routes(edge: Edge) -> None:
    """Add the snapshots of one ticker, of several, of the whole market, and the universal one."""

    @edge.get(SNAPSHOT.url(ticker=SYMBOL), responses=polygon_of(TickerSnapshot))
    def ticker_snapshot(symbol: SymbolPath) -> Response[str]:
        """Polygon's snapshot of one ticker."""
        ticker = Ticker.parse(symbol)
        return edge.polygon({"ticker": edge.services.snapshots.one(edge.read_context(None, "snapshot"), ticker.text)})

    @edge.get(MARKET.path, responses=polygon_of(TickerSnapshots))
    def market_snapshot(
        tickers: Annotated[
            str | None, Query(description="Tickers, joined by commas. Without it: the whole market."), Joined
        ] = None,
        include_otc: Annotated[Literal["false"], Query(description="OTC stocks are not served.")] = "false",
    ) -> Response[str]:
        """Polygon's snapshots of several tickers, or of the whole market, which counts as ten requests."""
        del include_otc
        if not tickers:
            whole = edge.services.whole_market.get(edge.read_context(None, "market", MARKET_COST))
            return edge.gzipped(
                whole,
                field="tickers",
                rule="is required without gzip: the whole market is too long for one answer",
            )
        names = _listed(tickers, "tickers", edge.principal.tier.policy.batch)
        snapshots = edge.services.snapshots.get(edge.read_context(None, "snapshot", data=len(names)), names)
        # Polygon leaves out a ticker that has no snapshot.
        results = [snapshot for snapshot in snapshots.values() if not isinstance(snapshot, DekrError)]
        return edge.polygon({"count": len(results), "tickers": results})

    @edge.get(UNIVERSAL.path, responses=polygon_of(Page))
    def universal_snapshot(
        any_of: Annotated[str, Query(alias="ticker.any_of", description="Tickers, joined by commas."), Joined],
        type_: Annotated[Literal["stocks"], Query(alias="type", description="Only stocks.")] = "stocks",
        order: Annotated[Literal["asc", "desc"], Query(description="Rising (asc) or falling (desc).")] = "asc",
        sort: Annotated[Literal["ticker"], Query(description="The field to sort by.")] = "ticker",
        limit: Annotated[int, Query(ge=1, le=UNIVERSAL.max_limit, description="Tickers in one page."), Whole] = 10,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """Polygon's universal snapshot of these tickers; one that is not known is an item with an error."""
        del type_, sort
        names = _listed(any_of, "ticker.any_of", edge.principal.tier.policy.batch)
        snapshots = edge.services.universal.get(edge.read_context(None, "snapshot", data=len(names)), names)
        results, next_path = _universal_page(snapshots, any_of, order, limit, cursor)
        return edge.polygon({"results": results}, next_path)


def _listed(text: str, field: str, max_tickers: int) -> list[str]:
    """The tickers of a comma-separated list, each once. Raises InvalidInput for an item that is no ticker, or for too many."""
    tickers = list(dict.fromkeys(Ticker.parse(item, field).text for item in text.split(",")))
    if len(tickers) > max_tickers:
        raise InvalidInput(
            field,
            f"must not name more than {max_tickers} tickers on your tier; there are {len(tickers)}",
            code="batch_too_large",
        )
    return tickers


def _universal_page(
    snapshots: Mapping[str, dict[str, Any] | DekrError], any_of: str, order: str, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """The items of a page of the universal snapshot, in the order of tickers, and the path and query of the next page.

    ``any_of`` is the list as the caller wrote it. Raises InvalidInput for a cursor of another list.
    """
    scope = f"{order}:{any_of}"
    tickers = sorted(snapshots, reverse=order == "desc")
    if cursor is not None:
        last = cursors.unseal(scope, cursor)
        tickers = [ticker for ticker in tickers if (ticker < last if order == "desc" else ticker > last)]
    items = [_universal_item(ticker, snapshots[ticker]) for ticker in tickers[:limit]]
    if len(tickers) <= limit:
        return items, None
    parameters = {
        "ticker.any_of": any_of,
        "order": order,
        "limit": limit,
        "cursor": cursors.seal(scope, tickers[limit - 1]),
    }
    return items, f"{UNIVERSAL.path}?{urlencode(parameters)}"


def _universal_item(ticker: str, snapshot: dict[str, Any] | DekrError) -> dict[str, Any]:
    """The snapshot, or in its place an item that says why there is none."""
    if not isinstance(snapshot, DekrError):
        return snapshot
    if isinstance(snapshot, UnknownSymbol):
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    error = "INVALID_DATA" if isinstance(snapshot, UpstreamInvalid) else "NOT_ENTITLED"
    return {"ticker": ticker, "error": error, "message": snapshot.detail}
