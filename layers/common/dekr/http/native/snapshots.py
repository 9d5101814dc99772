"""Snapshots as they are answered: Dekr's own shape, and the lists of Polygon's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from dekr.errors import DekrError, InvalidInput
from dekr.http.edge.edge import Edge
from dekr.http.paging import cursors
from dekr.symbols import Ticker
from dekr.times import rfc3339, rfc3339_ms

_DAY: Final = (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"), ("volume", "v"), ("vwap", "vw"))
UNIVERSAL_PATH: Final = "/v3/snapshot"
_MESSAGES: Final = {"unknown_symbol": ("NOT_FOUND", "Ticker not found.")}


def dekr_snapshot(sent: Mapping[str, Any]) -> str:
    """The JSON of ``dekr.models.Snapshot``. Where upstream has zeros because nothing was traded yet, it has nulls."""
    minute = sent.get("min") or {}
    started = minute.get("t")
    updated = sent.get("updated")
    answer = {
        "symbol": sent["ticker"],
        "day": _bar(sent.get("day")),
        "previous_day": _bar(sent.get("prevDay")),
        "last_minute": {**_bar(minute), "timestamp": rfc3339_ms(started) if started else None},
        "change": sent.get("todaysChange"),
        "change_percent": sent.get("todaysChangePerc"),
        "timestamp": rfc3339(updated) if updated else None,
    }
    return json.dumps(answer, separators=(",", ":"))


def one_snapshot(edge: Edge, symbol: str, tier: int | None) -> dict[str, Any]:
    """The ticker's snapshot as upstream sent it. Raises InvalidInput, UnknownSymbol."""
    ticker = Ticker.parse(symbol).text
    found = edge.services.snapshots.get(edge.read_context(tier, "snapshot"), [ticker])[ticker]
    if isinstance(found, DekrError):
        raise found
    return found


def _bar(sent: Mapping[str, Any] | None) -> dict[str, Any]:
    traded = sent if sent and sent.get("c") else {}
    return {name: traded.get(short) for name, short in _DAY}


def listed(text: str, field: str, most: int) -> list[str]:
    """The tickers of a comma-separated list, each once. Raises InvalidInput for none, one that is none, or more than ``most``."""
    tickers = list(dict.fromkeys(Ticker.parse(part, field).text for part in text.split(",")))
    if len(tickers) > most:
        raise InvalidInput(
            field,
            f"must not name more than {most} tickers on your tier; there are {len(tickers)}",
            code="batch_too_large",
        )
    return tickers


def universal_page(
    found: Mapping[str, dict[str, Any] | DekrError], asked: str, order: str, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """The items of a page of the universal snapshot, in the order of tickers, and the path and query of the next page.

    ``asked`` is the list as the caller wrote it. Raises InvalidInput for a cursor of another list.
    """
    scope = f"{order}:{asked}"
    left = sorted(found, reverse=order == "desc")
    if cursor is not None:
        last = cursors.unseal(scope, cursor)
        left = [ticker for ticker in left if (ticker < last if order == "desc" else ticker > last)]
    items = [_item(ticker, found[ticker]) for ticker in left[:limit]]
    if len(left) <= limit:
        return items, None
    sealed = cursors.seal(scope, left[limit - 1])
    query = {"ticker.any_of": asked, "order": order, "limit": limit, "cursor": sealed}
    return items, f"{UNIVERSAL_PATH}?{urlencode(query)}"


def several(found: Mapping[str, dict[str, Any] | DekrError]) -> Sequence[dict[str, Any]]:
    """The snapshots that there are; Polygon leaves out the others."""
    return [sent for sent in found.values() if not isinstance(sent, DekrError)]


def _item(ticker: str, found: dict[str, Any] | DekrError) -> dict[str, Any]:
    if not isinstance(found, DekrError):
        return found
    word, message = _MESSAGES.get(found.code, ("NOT_ENTITLED", found.detail))
    return {"ticker": ticker, "error": word, "message": message}
