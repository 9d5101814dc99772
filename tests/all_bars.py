"""All bars of a range, page by page, as the service's fetches read them."""

from dataclasses import replace

from dekr.gate.call import Call
from dekr.polygon.client import Bars, PolygonClient

MAX_PAGES = 20


def all_bars(
    client: PolygonClient,
    ticker: str,
    multiplier: int,
    timespan: str,
    first_ms: int,
    last_ms: int,
    call: Call,
    *,
    adjusted: bool,
) -> Bars:
    """All bars of a range as one page; of a bar that comes twice the last one."""
    found = page = client.aggs(ticker, multiplier, timespan, first_ms, last_ms, call, adjusted=adjusted)
    for _ in range(MAX_PAGES):
        if page.next_url is None:
            return found
        page = client.aggs_after(ticker, page.next_url, found.bars[-1].t if found.bars else 0, last_ms, call)
        bars = {bar.t: bar for bar in (*found.bars, *page.bars)}
        found = replace(
            page,
            bars=list(bars.values()),
            delayed=found.delayed or page.delayed,
            dropped=found.dropped + page.dropped,
        )
    raise AssertionError(f"more than {MAX_PAGES} pages")
