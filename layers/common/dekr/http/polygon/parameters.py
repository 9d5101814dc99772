"""Parts of paths, and the filters by ``timestamp``, that several of Polygon's routes have."""

from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

SYMBOL: Final = "<symbol>"
"""The ticker in a route's path, as the resolver writes it."""

AfterQuery = Annotated[str | None, Query(alias="timestamp.gt", description="Later than this day or moment.")]
FromQuery = Annotated[str | None, Query(alias="timestamp.gte", description="This day or moment, or later.")]
BeforeQuery = Annotated[str | None, Query(alias="timestamp.lt", description="Earlier than this day or moment.")]
UntilQuery = Annotated[str | None, Query(alias="timestamp.lte", description="This day or moment, or earlier.")]
