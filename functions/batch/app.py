"""POST /quotes/batch: the quotes of many tickers in one answer."""

from dekr.http import Edge, Response
from dekr.http.edge.openapi import json_of
from dekr.http.edge.query import TierQuery
from dekr.http.native.batch import BatchBody, batch_json, parsed
from dekr.models.quotes import FailedSymbol, Quote
from dekr.symbols import Ticker

edge = Edge("batch")


@edge.post("/quotes/batch", responses=json_of(dict[str, Quote | FailedSymbol]))
def batch(body: BatchBody, tier: TierQuery = None) -> Response[str]:
    """The last bid and ask of each ticker, in the order of the request; a symbol that fails has its error in its place."""
    items = parsed(body.root, edge.principal.tier.policy.batch)
    tickers = [item.text for item in items.values() if isinstance(item, Ticker)]
    context = edge.read_context(tier, "batch", data=len(tickers))
    return edge.answer(batch_json(items, edge.services.batches.get(context, tickers)))


handler = edge.handler
