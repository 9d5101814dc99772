"""Searches for tickers: what is asked, and the answer."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, ConfigDict, Field

from dekr.errors import InvalidInput

LONGEST_SEARCH: Final = 100


class _Filters(BaseModel):
    """Polygon's filters of tickers."""

    model_config = ConfigDict(populate_by_name=True)

    ticker: Annotated[str | None, Field(max_length=20, description="Exactly this ticker.")] = None
    ticker_gt: Annotated[str | None, Field(alias="ticker.gt", max_length=20)] = None
    ticker_gte: Annotated[str | None, Field(alias="ticker.gte", max_length=20)] = None
    ticker_lt: Annotated[str | None, Field(alias="ticker.lt", max_length=20)] = None
    ticker_lte: Annotated[str | None, Field(alias="ticker.lte", max_length=20)] = None
    search: Annotated[str | None, Field(max_length=LONGEST_SEARCH, description="A part of a ticker or name.")] = None
    market: Literal["stocks"] | None = None
    type: Annotated[str | None, Field(max_length=20, description="Polygon's code, such as CS or ETF.")] = None
    exchange: Annotated[str | None, Field(max_length=20, description="The exchange's MIC, such as XNAS.")] = None
    active: Literal["true", "false"] | None = None
    sort: Literal["ticker", "name", "market", "type"] | None = None
    order: Literal["asc", "desc"] | None = None


TickerFilters = Annotated[_Filters, Query()]


def search_parameters(search: str, limit: int) -> dict[str, str]:
    """The upstream's parameters of a search. Raises InvalidInput."""
    words = search.strip()
    if not 0 < len(words) <= LONGEST_SEARCH or not words.isprintable():
        raise InvalidInput("search", f"must be 1 to {LONGEST_SEARCH} printable characters")
    return {
        "search": words,
        "market": "stocks",
        "active": "true",
        "sort": "ticker",
        "order": "asc",
        "limit": str(limit),
    }


def ticker_parameters(filters: _Filters, limit: int) -> dict[str, str]:
    """The upstream's parameters of a list: those given, of stocks only."""
    return {**filters.model_dump(by_alias=True, exclude_none=True), "market": "stocks", "limit": str(limit)}


def listings(sent: Mapping[str, Any]) -> str:
    """The JSON of a list of ``dekr.models.Listing``."""
    found = [
        {
            "symbol": item["ticker"],
            "name": item.get("name"),
            "type": item.get("type"),
            "exchange": item.get("primary_exchange"),
            "currency": item.get("currency_name"),
            "active": item.get("active"),
        }
        for item in sent.get("results") or []
    ]
    return json.dumps(found, separators=(",", ":"))
