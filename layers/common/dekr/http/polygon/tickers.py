"""Polygon's filters of its list of tickers."""

from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dekr.http.edge.query import TrueOrFalse, Whole, at_most
from dekr.http.paging.parameters import MAX_SEARCH
from dekr.polygon.endpoints import TICKERS
from dekr.symbols import in_capitals

TICKER: Final = r"^[A-Za-z.]{1,11}$"
CODE: Final = r"^[A-Z0-9]{1,10}$"
WORDS: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
"""At least one character that is no space, and no control characters."""


Letters = Annotated[str, Field(pattern=TICKER), AfterValidator(in_capitals)]
"""A ticker or the beginning of one; all small letters are put in capitals."""

TickerLimit = Annotated[
    int,
    Query(ge=1, description="Tickers in a page; more than 1 000 count as so many."),
    Whole,
    at_most(TICKERS.max_limit),
]


class TickerFilters(BaseModel):
    """The query parameters that choose tickers of the list; None: not sent."""

    model_config = ConfigDict(populate_by_name=True)

    ticker: Annotated[Letters | None, Field(description="Exactly this ticker.")] = None
    ticker_gt: Annotated[Letters | None, Field(alias="ticker.gt", description="Later in the alphabet than this.")] = (
        None
    )
    ticker_gte: Annotated[Letters | None, Field(alias="ticker.gte", description="This or later in the alphabet.")] = (
        None
    )
    ticker_lt: Annotated[Letters | None, Field(alias="ticker.lt", description="Earlier in the alphabet than this.")] = (
        None
    )
    ticker_lte: Annotated[Letters | None, Field(alias="ticker.lte", description="This or earlier in the alphabet.")] = (
        None
    )
    search: Annotated[
        str | None,
        Field(max_length=MAX_SEARCH, pattern=WORDS, description="Part of a ticker or name."),
    ] = None
    market: Annotated[Literal["stocks"] | None, Field(description="Only stocks.")] = None
    type: Annotated[str | None, Field(pattern=CODE, description="Polygon's code, such as CS or ETF.")] = None
    exchange: Annotated[str | None, Field(pattern=CODE, description="The exchange's MIC, such as XNAS.")] = None
    active: Annotated[TrueOrFalse | None, Field(description="Listed now, or no longer.")] = None
    sort: Annotated[Literal["ticker", "name", "market", "type"] | None, Field(description="The field to sort by.")] = (
        None
    )
    order: Annotated[Literal["asc", "desc"] | None, Field(description="Rising (asc) or falling (desc).")] = None


TickerFiltersQuery = Annotated[TickerFilters, Query()]


def ticker_parameters(filters: TickerFilters, limit: int) -> dict[str, str]:
    """The upstream's parameters of a list of tickers: the filters that were sent, and of stocks only."""
    return {**filters.model_dump(by_alias=True, exclude_none=True), "market": "stocks", "limit": str(limit)}
