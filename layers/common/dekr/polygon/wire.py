"""The upstream's answers, validated. Shapes and units: its OpenAPI description (see docs/architecture.md).

Numbers stay as they came: an integer stays an integer, a decimal fraction stays a float. Fields that are not listed are
ignored, because the upstream adds some from time to time; what is kept of a quote or snapshot is the object as it came.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

FAR_FUTURE_MS: Final = 253_402_300_799_000
"""The last second of the year 9999: what lies behind it is no time."""

type Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
type Amount = Annotated[Number, Field(ge=0)]
type Price = Annotated[Number, Field(gt=0)]
type Count = Annotated[StrictInt, Field(ge=0)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Bar(_Wire):
    """A bar: ``t`` start of its window (ms), ``v`` volume, ``vw`` volume-weighted price, ``n`` transactions.

    Some trades count for the open and close and not for the range, and other ones for ``vw`` alone, so none of these need
    lie between low and high.
    """

    t: Count
    o: Price
    h: Price
    l: Price  # noqa: E741 - the wire's name
    c: Price
    v: Amount
    vw: Amount | None = None
    n: Count | None = None

    @model_validator(mode="after")
    def _range(self) -> "Bar":
        if self.l > self.h:
            raise ValueError("a bar's low must not be above its high")
        return self


class Aggregates(_Wire):
    """An answer of the aggregates endpoints: ``results`` may be absent."""

    ticker: str | None = None
    status: str
    results: list[Bar] | None = None
    next_url: str | None = None


class LastQuote(_Wire):
    """The NBBO: lower-case ``p`` and ``s`` are the bid, upper-case ``P`` and ``S`` the ask; ``t`` in ns.

    A side that nobody quotes is 0 or absent (of the NBBO's fields the upstream's description requires only T, t, y, q).
    """

    p: Amount | None = None
    s: Amount | None = None
    P: Amount | None = None
    S: Amount | None = None
    t: Count

    @model_validator(mode="after")
    def _a_side(self) -> "LastQuote":
        if self.p is None and self.P is None:
            raise ValueError("a quote must have a bid or an ask")
        return self

    @property
    def empty(self) -> bool:
        """Whether nobody quotes either side."""
        return not self.p and not self.P


class TickerQuote(LastQuote):
    """The NBBO with the ticker that it is of."""

    T: str


class LastQuoteAnswer(_Wire):
    """An answer of ``/v2/last/nbbo``."""

    status: str
    results: TickerQuote


class MinuteBar(_Wire):
    """The snapshot's last minute bar; all zero before the first trade of the day. ``t`` in ms."""

    c: Amount = 0
    t: Annotated[Count, Field(le=FAR_FUTURE_MS)] = 0


class DayBar(_Wire):
    """A day's bar in a snapshot; all zero before the first trade."""

    o: Amount | None = None
    h: Amount | None = None
    l: Amount | None = None  # noqa: E741 - the wire's name
    c: Amount | None = None
    v: Amount | None = None
    vw: Amount | None = None


class LastTrade(_Wire):
    """A trade: ``p`` its price, ``s`` its size, ``t`` in ns."""

    p: Price
    s: Amount | None = None
    t: Count


class TickerTrade(LastTrade):
    """The last trade with the ticker that it is of."""

    T: str


class LastTradeAnswer(_Wire):
    """An answer of ``/v2/last/trade``."""

    status: str
    results: TickerTrade


class TickerSnapshot(_Wire):
    """One ticker of a snapshot; ``lastQuote`` and ``lastTrade`` are absent where the plan lacks them, and zero before the
    day's first.
    """

    ticker: str
    lastQuote: LastQuote | None = None  # noqa: N815 - the wire's name
    lastTrade: LastTrade | None = None  # noqa: N815 - the wire's name
    min: MinuteBar | None = None
    day: DayBar | None = None
    prevDay: DayBar | None = None  # noqa: N815 - the wire's name
    updated: Annotated[Count, Field(le=FAR_FUTURE_MS * 1_000_000)] | None = None
    todaysChange: Number | None = None  # noqa: N815 - the wire's name
    todaysChangePerc: Number | None = None  # noqa: N815 - the wire's name

    @field_validator("lastTrade", mode="before")
    @classmethod
    def _no_trade_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return None if isinstance(value, dict) and not value.get("p") else value

    @field_validator("lastQuote", mode="before")
    @classmethod
    def _no_quote_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return value or None


class SnapshotAnswer(_Wire):
    """An answer of the single-ticker snapshot endpoint."""

    status: str
    ticker: TickerSnapshot


class SnapshotsAnswer(_Wire):
    """An answer of the snapshot endpoint of several tickers; those without a snapshot are not in it."""

    status: str
    tickers: list[TickerSnapshot] | None = None


class UniversalSession(_Wire):
    """The day of a v3 snapshot."""

    previous_close: Amount | None = None


class UniversalMinute(_Wire):
    """The last minute bar of a v3 snapshot; times are ns."""

    close: Amount = 0
    last_updated: Count = 0


class UniversalQuote(_Wire):
    """The last quote of a v3 snapshot; times are ns."""

    bid: Amount | None = None
    ask: Amount | None = None
    bid_size: Amount | None = None
    ask_size: Amount | None = None
    last_updated: Count
    timeframe: str | None = None


class UniversalTrade(_Wire):
    """The last trade of a v3 snapshot; times are ns."""

    price: Price
    size: Amount | None = None
    sip_timestamp: Count | None = None
    last_updated: Count | None = None
    timeframe: str | None = None
    exchange: StrictInt | None = None
    id: str | None = None
    conditions: list[StrictInt] | None = None

    @model_validator(mode="after")
    def _a_time(self) -> "UniversalTrade":
        if self.at_ns == 0:
            raise ValueError("a trade must have a time")
        return self

    @property
    def at_ns(self) -> int:
        """When it was, on the consolidated tape where that is known."""
        return self.sip_timestamp or self.last_updated or 0


class UniversalItem(_Wire):
    """One ticker of a v3 snapshot; a ticker that is not known, or not in the plan, has an ``error`` instead of data."""

    ticker: str
    error: str | None = None
    message: str | None = None
    session: UniversalSession | None = None
    last_minute: UniversalMinute | None = None
    last_quote: UniversalQuote | None = None
    last_trade: UniversalTrade | None = None

    @field_validator("last_trade", mode="before")
    @classmethod
    def _no_trade_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return None if isinstance(value, dict) and not value.get("price") else value

    @field_validator("last_quote", mode="before")
    @classmethod
    def _no_quote_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return value or None


class UniversalAnswer(_Wire):
    """An answer of ``/v3/snapshot``."""

    status: str
    results: list[UniversalItem] | None = None
    next_url: str | None = None


class MarketBar(Bar):
    """A bar of the whole market's day."""

    T: str


class GroupedAnswer(_Wire):
    """An answer of the grouped daily endpoint: a bar for each ticker."""

    status: str
    results: list[MarketBar] | None = None


class Item(_Wire):
    """An item of a list that is passed on as it was sent."""


class Tick(Item):
    """A quote or trade of ``/v3/quotes`` and ``/v3/trades``; ns."""

    sip_timestamp: Count


class Article(Item):
    """An article of the news: ``published_utc`` is RFC 3339; a missing ``insights`` means that nobody judged it."""

    id: str
    published_utc: str
    title: str
    article_url: str
    tickers: list[str] | None = None
    keywords: list[str] | None = None
    publisher: "Publisher | None" = None
    insights: "list[Insight] | None" = None


class Publisher(_Wire):
    """Who published an article."""

    name: str | None = None


class Insight(_Wire):
    """What an article says of a ticker."""

    ticker: str
    sentiment: str


class Listing(Item):
    """A ticker of ``/v3/reference/tickers``."""

    ticker: str
    name: str | None = None


class ListAnswer[I: Item](_Wire):
    """A page of a list."""

    status: str
    results: list[I] | None = None
    next_url: str | None = None


class PreviousAnswer(Aggregates):
    """An answer of the previous day's bar."""


class MarketNow(_Wire):
    """An answer of ``/v1/marketstatus/now``: it has no envelope."""

    market: str
    serverTime: str  # noqa: N815 - the wire's name
    exchanges: dict[str, str | None] = Field(default_factory=dict)
    earlyHours: bool | None = None  # noqa: N815 - the wire's name
    afterHours: bool | None = None  # noqa: N815 - the wire's name

    @field_validator("serverTime")
    @classmethod
    def _a_moment(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("serverTime must have a time zone")
        return value


class Upcoming(_Wire):
    """A day of ``/v1/marketstatus/upcoming`` on which an exchange does not trade, or ends early."""

    date: str
    exchange: str
    name: str
    status: str
    open: str | None = None
    close: str | None = None


class UpcomingDays(RootModel[list[Upcoming]]):
    """An answer of ``/v1/marketstatus/upcoming``: a bare array."""


def as_sent(answer: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - parsed JSON
    """The object at a path of a parsed answer, exactly as the upstream sent it."""
    for name in path:
        answer = answer[name]
    sent: dict[str, Any] = answer
    return sent
