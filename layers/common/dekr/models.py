"""The shapes of the answers of Dekr's own routes. Their docstrings are the descriptions in the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

type Number = int | float

Symbol = Annotated[str, Field(description="The ticker, as the data provider spells it.", examples=["AAPL"])]
SessionName = Literal["pre", "regular", "post", "closed"]
Moment = Annotated[str, Field(description="A moment in RFC 3339, UTC.", examples=["2026-11-20T14:59:59.123456789Z"])]


class Shape(BaseModel):
    """Base of the documented shapes. Most are never validated at run time, so a validator is built only when one is used."""

    model_config = ConfigDict(defer_build=True)


class Quote(Shape):
    """The best bid and the best ask of a symbol. Prices and sizes are the data provider's own, never rounded.

    Where there are no quotes, ``bid`` and ``ask`` are both the last known price, the sizes are null, and the X-Data-Source header
    names the source of that price.
    """

    symbol: Symbol
    bid: Number | None
    ask: Number | None
    bid_size: Number | None
    ask_size: Number | None
    timestamp: Moment


class Bar(Shape):
    """One bar. ``timestamp`` is the start of its time window. ``vwap`` (volume-weighted average price) and ``transactions`` (number
    of trades) are null where the data provider has none.
    """

    symbol: Symbol
    timestamp: Moment
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    vwap: Number | None
    transactions: int | None


class Problem(Shape):
    """An error (RFC 9457). ``code`` is for programs, ``detail`` for people. ``field`` names the part of the request that is wrong;
    it is null for errors of another kind.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str | None = None


class Health(Shape):
    """Whether the service and what it depends on (the shared store and the data provider) work. ``clock_offset_ms``: by how much
    the service's clock is ahead of the store's; null while the store cannot be reached.
    """

    status: str
    store: str
    upstream: str
    clock_offset_ms: int | None
    time: Moment


class Trade(Shape):
    """The last trade of a symbol. ``exchange`` and ``conditions`` are the data provider's codes.

    Where there are no trades, ``price`` is the last known price, ``size``, ``exchange``, ``id`` and ``conditions`` are null, and
    the X-Data-Source header names the source of that price.
    """

    symbol: Symbol
    price: Number
    size: Number | None
    exchange: int | None
    id: str | None
    conditions: list[int] | None
    timestamp: Moment


class DayBar(Shape):
    """The bar of one day. Each field is null as long as nothing was traded."""

    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    volume: Number | None
    vwap: Number | None


class MinuteBar(DayBar):
    """The bar of the last minute. ``timestamp`` is the start of its time window."""

    timestamp: Moment | None


class Snapshot(Shape):
    """A symbol's trading day so far. ``change`` and ``change_percent`` count from the close of the previous day."""

    symbol: Symbol
    day: DayBar
    previous_day: DayBar
    last_minute: MinuteBar
    change: Number | None
    change_percent: Number | None
    timestamp: Moment | None


class ItemError(Shape):
    """The reason why one symbol of a batch has no answer. ``code`` is for programs, ``detail`` for people."""

    code: str
    detail: str


class FailedSymbol(Shape):
    """Takes the place of the answer for a symbol of a batch that failed."""

    symbol: str
    error: ItemError


class Sentiment(Shape):
    """The sentiment of an article about one symbol: positive, neutral or negative, and the reason for it. Both are the data
    provider's judgement.
    """

    symbol: Symbol
    sentiment: str
    reasoning: str | None


class Article(Shape):
    """A news article. ``sentiments`` has one item for each symbol that the data provider judged, and may be empty. ``sentiment`` is
    that of the requested symbol, or null.
    """

    id: str
    title: str
    published_at: Moment
    url: str
    publisher: str | None
    author: str | None
    description: str | None
    image_url: str | None
    symbols: list[str]
    keywords: list[str]
    sentiment: str | None
    sentiments: list[Sentiment]


class SentimentSummary(Shape):
    """The number of articles in the answer about one symbol, by sentiment. ``mean_score`` is their mean, where positive counts 1,
    neutral 0 and negative -1; it is null where no article has a sentiment.
    """

    symbol: Symbol
    articles: int
    positive: int
    neutral: int
    negative: int
    without_sentiment: int
    mean_score: Number | None


class News(Shape):
    """News articles, newest first, and a summary for the requested symbol. Without a requested symbol there is a summary for each
    symbol in the articles.
    """

    articles: list[Article]
    summaries: list[SentimentSummary]


class MarketStatus(Shape):
    """The present session of the US stock market.

    ``session`` began at ``since`` and lasts until ``next_change``, when ``next_session`` begins. ``unplanned`` is true where
    the data provider reports that the market is closed although the calendar has a session. ``source`` says what the answer is
    based on: the calendar alone, or the calendar and the data provider (called upstream). ``known`` is false outside the years of
    the calendar.
    """

    session: SessionName
    open: bool
    since: Moment | None
    next_change: Moment | None
    next_session: SessionName | None
    unplanned: bool
    known: bool
    source: Literal["calendar", "calendar and upstream"]
    time: Moment


class CalendarDay(Shape):
    """A day of the US stock market. The times of its sessions are null on a closed day. ``name`` is that of the holiday, where the
    data provider has one. ``unplanned`` is true for a closure that the data provider announced and the calendar does not have.
    """

    date: str
    status: Literal["open", "early_close", "closed"]
    name: str | None
    pre_open: Moment | None
    open: Moment | None
    close: Moment | None
    post_close: Moment | None
    unplanned: bool


class Listing(Shape):
    """A symbol that a search found."""

    symbol: Symbol
    name: str | None
    type: str | None
    exchange: str | None
    currency: str | None
    active: bool | None


class ClassUsage(Shape):
    """The use of one class of data. ``data`` is the number of data that were requested, each symbol of a batch counted; ``fetched``
    is how many of them the cache did not have.
    """

    data: int
    fetched: int
    upstream_calls: int


class Usage(Shape):
    """The caller's use on the present UTC day. ``per_day`` and ``left`` are null for a tier without a daily cap. ``hit_ratio`` is
    null before the first request.
    """

    user: str
    tier: int
    day: str
    used: int
    per_day: int | None
    left: int | None
    resets_at: Moment
    per_minute: int
    burst: int
    classes: dict[str, ClassUsage]
    hit_ratio: Number | None


class CacheStats(Shape):
    """The state of the cache: the store's own figures (null where it does not report them), the number of entries by class, and the
    calls that the cache saved on the present UTC day.

    ``saved_calls``: in each class, the requested data less the calls to the data provider (0 where long ranges took more calls),
    added up. ``complete`` is false where the store holds so many keys that not all were counted.
    """

    used_memory: int | None
    connected_clients: int | None
    total_commands_processed: int | None
    keyspace_hits: int | None
    keyspace_misses: int | None
    entries: dict[str, int]
    complete: bool
    requests: int
    data: int
    fetched: int
    upstream_calls: int
    saved_calls: int
    hit_ratio: Number | None


class Dropped(Shape):
    """The number of entries of a symbol that were dropped."""

    symbol: Symbol
    dropped: int


class IndicatorValue(Shape):
    """The value of an indicator at one bar. ``timestamp`` is the start of the bar's time window."""

    symbol: Symbol
    timestamp: Moment
    value: float


class MacdValue(IndicatorValue):
    """The value of a MACD at one bar: ``value`` is the MACD line, ``signal`` its signal line, ``histogram`` the MACD line less the
    signal line. ``timestamp`` is the start of the bar's time window.
    """

    signal: float
    histogram: float


class PreferredSymbols(Shape):
    """The preference that was set: the symbols, the number of requests an hour that are expected for each (``weight``), and the
    moment until which. ``preferred`` is the number of all symbols that are preferred now.
    """

    symbols: list[Symbol]
    weight: int
    until: Moment
    preferred: int


class Unpreferred(Shape):
    """The symbol whose preference was ended. ``preferred`` is the number of symbols that are still preferred."""

    symbol: Symbol
    preferred: int
