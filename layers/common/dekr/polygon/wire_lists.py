"""Models of the upstream's lists and other answers that are passed on as they were sent (rules as in ``dekr.polygon.wire``)."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from dekr.flaws import is_crossed
from dekr.polygon.wire import Aggregates, Amount, Count, Wire


class Item(Wire):
    """An item of a list that is passed on as it was sent."""

    @property
    def at_us(self) -> int:
        """The moment of which it tells, in microseconds since the epoch: 0 where that may lie ahead."""
        return 0

    @property
    def suspect(self) -> bool:
        """Whether it has prices that can hardly be true."""
        return False


def _in_a_zone(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must have a time zone")
    return text


type Moment = Annotated[str, AfterValidator(_in_a_zone)]
"""A moment in RFC 3339."""


class Tick(Item):
    """A quote or trade of ``/v3/quotes`` and ``/v3/trades``; its time is in nanoseconds. A trade has a price, a quote a bid, an ask
    or both.
    """

    sip_timestamp: Count
    bid_price: Amount | None = None
    ask_price: Amount | None = None
    price: Amount | None = None

    @property
    def at_us(self) -> int:
        """The moment at which the consolidated tape had it, in microseconds since the epoch."""
        return self.sip_timestamp // 1_000

    @property
    def suspect(self) -> bool:
        """Whether its bid is above its ask, or its price is zero."""
        return self.price == 0 or is_crossed(self.bid_price, self.ask_price)


class Article(Item):
    """An article of the news: ``published_utc`` is RFC 3339; a missing ``insights`` means that nobody judged it."""

    id: str
    published_utc: Moment
    title: str
    article_url: str
    tickers: list[str] | None = None
    keywords: list[str] | None = None
    publisher: "Publisher | None" = None
    insights: "list[Insight] | None" = None


class Publisher(Wire):
    """Who published an article."""

    name: str | None = None


class Insight(Wire):
    """The sentiment that an article has for a ticker."""

    ticker: str
    sentiment: str


class Listing(Item):
    """A ticker of ``/v3/reference/tickers``."""

    ticker: str
    name: str | None = None


class Split(Item):
    """A split of ``/v3/reference/splits``."""

    ticker: str
    execution_date: str


class ListAnswer[I: Item](Wire):
    """A page of a list."""

    status: str
    results: list[I] | None = None
    next_url: str | None = None


Ticks = ListAnswer[Tick]
Articles = ListAnswer[Article]
Listings = ListAnswer[Listing]
Splits = ListAnswer[Split]
AnyList = ListAnswer[Item]


class PreviousAnswer(Aggregates):
    """An answer of the previous day's bar."""


class MarketNow(Wire):
    """An answer of ``/v1/marketstatus/now``: it has no envelope."""

    market: str
    serverTime: Moment  # noqa: N815 - the wire's name
    exchanges: dict[str, Any] = Field(default_factory=dict)
    earlyHours: bool | None = None  # noqa: N815 - the wire's name
    afterHours: bool | None = None  # noqa: N815 - the wire's name

    @field_validator("exchanges")
    @classmethod
    def _texts(cls, value: dict[str, Any]) -> dict[str, Any]:
        # Checked as a whole: pydantic's own error would name the upstream's key, which may be anything.
        if not all(state is None or isinstance(state, str) for state in value.values()):
            raise ValueError("the state of an exchange must be text")
        return value


class Upcoming(Item):
    """A day of ``/v1/marketstatus/upcoming`` on which an exchange does not trade, or ends early."""

    date: str
    exchange: str
    name: str
    status: str
    open: str | None = None
    close: str | None = None


class UpcomingDays(Wire):
    """An answer of ``/v1/marketstatus/upcoming``, which is a bare array, as an object with this array in ``results``."""

    results: list[Upcoming]
