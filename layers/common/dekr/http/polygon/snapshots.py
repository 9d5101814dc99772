"""Polygon's snapshots: of one ticker, of several, of the whole market (v2), and the universal one (v3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.cursors import Cursors
from dekr.errors import DekrError, InvalidInput, UnknownSymbol, UpstreamInvalid
from dekr.http.edge.edge import Edge
from dekr.http.edge.openapi import polygon_of
from dekr.http.edge.query import AnyCase, SymbolPath, Whole, at_most
from dekr.http.paging.parameters import CursorQuery
from dekr.http.polygon.parameters import SYMBOL
from dekr.http.polygon.shapes import Page, TickerSnapshot, TickerSnapshots
from dekr.polygon.endpoints import MARKET, SNAPSHOT, UNIVERSAL
from dekr.symbols import Ticker

MARKET_COST: Final = 10
"""Requests that the whole market counts for."""

UniversalLimit = Annotated[
    int,
    Query(ge=1, description="Tickers in a page; more than 250 count as so many."),
    Whole,
    at_most(UNIVERSAL.max_limit),
]


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
            str | None, Query(description="Tickers, joined by commas. Without it: the whole market.")
        ] = None,
        include_otc: Annotated[Literal["false"], Query(description="OTC stocks are not served."), AnyCase] = "false",
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
        # Polygon leaves out what is no ticker, as well as a ticker that has no snapshot.
        listed = _listed(tickers, "tickers", edge.principal.tier.policy.batch)
        names = [name for name, is_ticker in listed.items() if is_ticker]
        snapshots = edge.services.snapshots.get(edge.read_context(None, "snapshot", data=len(names)), names)
        results = [snapshot for snapshot in snapshots.values() if not isinstance(snapshot, DekrError)]
        return edge.polygon({"count": len(results), "tickers": results})

    @edge.get(UNIVERSAL.path, responses=polygon_of(Page))
    def universal_snapshot(
        any_of: Annotated[str, Query(alias="ticker.any_of", description="Tickers, joined by commas.")],
        type_: Annotated[Literal["stocks"], Query(alias="type", description="Only stocks.")] = "stocks",
        order: Annotated[Literal["asc", "desc"], Query(description="Rising (asc) or falling (desc).")] = "asc",
        sort: Annotated[Literal["ticker"], Query(description="The field to sort by.")] = "ticker",
        limit: UniversalLimit = 10,
        cursor: CursorQuery = None,
    ) -> Response[str]:
        """Polygon's universal snapshot of these tickers; one that is not known is an item with an error."""
        del type_, sort
        listed = _listed(any_of, "ticker.any_of", edge.principal.tier.policy.batch)
        page = UniversalPage.parse(edge.services.cursors, listed, order, limit, cursor)
        names = [name for name, is_ticker in listed.items() if is_ticker]
        snapshots = edge.services.universal.get(edge.read_context(None, "snapshot", data=len(names)), names)
        return edge.polygon(
            {"results": [_universal_item(name, snapshots.get(name)) for name in page.names]}, page.next_path
        )


def _listed(text: str, field: str, max_tickers: int) -> dict[str, bool]:
    """The names in a comma-separated list, each once: the tickers as the upstream spells them, anything else as it was written;
    with each, whether it is a ticker. Spaces around a name, and items without one, count for nothing. Raises InvalidInput where
    there is no name, or more than ``max_tickers``.
    """
    listed: dict[str, bool] = {}
    for name in filter(None, map(str.strip, text.split(","))):
        try:
            listed[Ticker.parse(name).text] = True
        except InvalidInput:
            listed[name] = False
    if not listed:
        raise InvalidInput(field, "must name at least one ticker")
    if len(listed) > max_tickers:
        raise InvalidInput(
            field,
            f"must not name more than {max_tickers} tickers on your tier; there are {len(listed)}",
            code="batch_too_large",
        )
    return listed


@dataclass(frozen=True, slots=True)
class UniversalPage:
    """A page of the universal snapshot: its ``names`` in the order of the query, and path and query of the next page."""

    names: Sequence[str]
    next_path: str | None

    @classmethod
    def parse(
        cls, cursors: Cursors, listed: Iterable[str], order: str, limit: int, cursor: str | None
    ) -> "UniversalPage":
        """The page that the route's parameters describe; ``cursors`` opens its cursor, the last name of the page before. Raises
        InvalidInput for a cursor of another list.
        """
        any_of, falling = ",".join(listed), order == "desc"
        scope = f"{order}:{any_of}"
        names = sorted(listed, reverse=falling)
        if cursor is not None:
            last = cursors.unseal(scope, cursor)
            names = [name for name in names if (name < last if falling else name > last)]
        if len(names) <= limit:
            return cls(names, None)
        parameters = {
            "ticker.any_of": any_of,
            "order": order,
            "limit": limit,
            "cursor": cursors.seal(scope, names[limit - 1]),
        }
        return cls(names[:limit], f"{UNIVERSAL.path}?{urlencode(parameters)}")


def _universal_item(ticker: str, snapshot: dict[str, Any] | DekrError | None) -> dict[str, Any]:
    """The snapshot, or in its place an item that says why there is none; None: it is no ticker of a stock."""
    if isinstance(snapshot, dict):
        return snapshot
    if snapshot is None or isinstance(snapshot, UnknownSymbol):
        return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
    error = "INVALID_DATA" if isinstance(snapshot, UpstreamInvalid) else "NOT_ENTITLED"
    return {"ticker": ticker, "error": error, "message": snapshot.detail}
