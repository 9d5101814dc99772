"""Searches for tickers: what is asked, and the answer."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, ConfigDict, Field

from dekr.errors import InvalidInput
from dekr.http.edge.query import Whole

LONGEST_SEARCH: Final = 100
TICKER: Final = r"^[A-Za-z.]{1,11}$"
CODE: Final = r"^[A-Z0-9]{1,10}$"
WORDS: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
"""At least one character that is no space, and no control characters."""


class _Filters(BaseModel):
    """Polygon's filters of tickers."""

    model_config = ConfigDict(populate_by_name=True)

    ticker: Annotated[str | None, Field(pattern=TICKER, description="Exactly this ticker.")] = None
    ticker_gt: Annotated[
        str | None, Field(alias="ticker.gt", pattern=TICKER, description="Later in the alphabet than this.")
    ] = None
    ticker_gte: Annotated[
        str | None, Field(alias="ticker.gte", pattern=TICKER, description="This or later in the alphabet.")
    ] = None
    ticker_lt: Annotated[
        str | None, Field(alias="ticker.lt", pattern=TICKER, description="Earlier in the alphabet than this.")
    ] = None
    ticker_lte: Annotated[
        str | None, Field(alias="ticker.lte", pattern=TICKER, description="This or earlier in the alphabet.")
    ] = None
    search: Annotated[
        str | None,
        Field(max_length=LONGEST_SEARCH, pattern=WORDS, description="Part of a ticker or name."),
    ] = None
    market: Annotated[Literal["stocks"] | None, Field(description="Only stocks.")] = None
    type: Annotated[str | None, Field(pattern=CODE, description="Polygon's code, such as CS or ETF.")] = None
    exchange: Annotated[str | None, Field(pattern=CODE, description="The exchange's MIC, such as XNAS.")] = None
    active: Annotated[Literal["true", "false"] | None, Field(description="Listed now, or no longer.")] = None
    sort: Annotated[Literal["ticker", "name", "market", "type"] | None, Field(description="What the order is of.")] = (
        None
    )
    order: Annotated[Literal["asc", "desc"] | None, Field(description="Rising or falling.")] = None


Limit = Annotated[int, Query(ge=1, le=1_000, description="Tickers in a page."), Whole]
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
