"""Query parameters of pages and lists that both dialects have."""

from typing import Annotated, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.query import Whole
from dekr.polygon.endpoints import NEWS, TICKERS

MAX_SEARCH: Final = 100
"""Characters in a search for tickers."""

CursorQuery = Annotated[str | None, Query(description="Where the page begins, as the page before it says.")]
OrderQuery = Annotated[Literal["asc", "desc"], Query(description="Oldest (asc) or newest (desc) first.")]
ArticleLimit = Annotated[int, Query(ge=1, le=NEWS.max_limit, description="Articles in a page."), Whole]
TickerLimit = Annotated[int, Query(ge=1, le=TICKERS.max_limit, description="Tickers in a page."), Whole]
