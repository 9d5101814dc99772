"""Dekr's search for tickers: the upstream query for it, and the answer."""

import json
from collections.abc import Mapping
from typing import Any

from dekr.errors import InvalidInput
from dekr.http.paging.parameters import MAX_SEARCH


def search_parameters(search: str, limit: int) -> dict[str, str]:
    """The upstream's parameters of a search for listed stocks. Raises InvalidInput for a text that cannot be searched for."""
    words = search.strip()
    if not 0 < len(words) <= MAX_SEARCH or not words.isprintable():
        raise InvalidInput("search", f"must be 1 to {MAX_SEARCH} printable characters")
    return {
        "search": words,
        "market": "stocks",
        "active": "true",
        "sort": "ticker",
        "order": "asc",
        "limit": str(limit),
    }


def listings(page: Mapping[str, Any]) -> str:
    """The JSON of a list of ``dekr.models.reference.Listing``. ``page``: a page of the upstream's list of tickers."""
    items = [
        {
            "symbol": item["ticker"],
            "name": item.get("name"),
            "type": item.get("type"),
            "exchange": item.get("primary_exchange"),
            "currency": item.get("currency_name"),
            "active": item.get("active"),
        }
        for item in page.get("results") or []
    ]
    return json.dumps(items, separators=(",", ":"))
