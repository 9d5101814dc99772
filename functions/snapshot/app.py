"""GET /snapshot/{symbol} and Polygon's snapshots: the day of a ticker so far."""

from dekr.http import Edge, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import SymbolPath, TierQuery
from dekr.http.native.snapshots import dekr_snapshot
from dekr.http.polygon.snapshots import snapshot_routes
from dekr.models.snapshots import Snapshot
from dekr.symbols import Ticker

edge = Edge("snapshot")


@edge.get("/snapshot/<symbol>", responses=json_of(Snapshot))
def snapshot(symbol: SymbolPath, tier: TierQuery = None) -> Response[str]:
    """The ticker's day so far, its previous day, its last minute and its change."""
    ticker = Ticker.parse(symbol)
    context = edge.read_context(tier, "snapshot")
    return edge.answer(dekr_snapshot(edge.services.snapshots.one(context, ticker.text)))


snapshot_routes(edge)

handler = edge.handler
