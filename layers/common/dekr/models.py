"""What the Dekr routes answer, as the documentation shows it. Numbers are the upstream's own, never rounded."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

type Number = int | float

Symbol = Annotated[str, Field(description="The ticker, as upstream spells it.", examples=["AAPL"])]
SessionName = Literal["pre", "regular", "post", "closed"]
Moment = Annotated[str, Field(description="RFC 3339, UTC.", examples=["2026-11-20T14:59:59.123456789Z"])]


class Shape(BaseModel):
    """A documented shape. Most are never validated at run time, so that none is built before it is."""

    model_config = ConfigDict(defer_build=True)


class Quote(Shape):
    """The best bid and ask. ``bid_size`` and ``ask_size`` are as upstream gives them, and null where the source has no
    quotes: then ``bid`` and ``ask`` are both the last known price, and the X-Data-Source header says which.
    """

    symbol: Symbol
    bid: Number | None
    ask: Number | None
    bid_size: Number | None
    ask_size: Number | None
    timestamp: Moment


class Bar(Shape):
    """One bar; ``timestamp`` is the start of its window. ``vwap`` and ``transactions`` are null where upstream gives
    none.
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
    """An error (RFC 9457). ``code`` is for programs, ``detail`` for people; ``field`` names the part of the input."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str | None = None


class Health(Shape):
    """Whether the service can answer, and what it depends on."""

    status: str
    store: str
    upstream: str
    clock_offset_ms: int | None
    time: Moment


class Trade(Shape):
    """The last trade. ``size``, ``exchange``, ``id`` and ``conditions`` (the upstream's codes) are null where the source has
    no trades: then ``price`` is the last known price, and the X-Data-Source header says which.
    """

    symbol: Symbol
    price: Number
    size: Number | None
    exchange: int | None
    id: str | None
    conditions: list[int] | None
    timestamp: Moment


class DayBar(Shape):
    """A bar of a snapshot; each field is null where nothing was traded yet."""

    open: Number | None
    high: Number | None
    low: Number | None
    close: Number | None
    volume: Number | None
    vwap: Number | None


class MinuteBar(DayBar):
    """The last minute of a snapshot; ``timestamp`` is the start of its window."""

    timestamp: Moment | None


class Snapshot(Shape):
    """A ticker's day so far. ``change`` and ``change_percent`` are since the previous day's close."""

    symbol: Symbol
    day: DayBar
    previous_day: DayBar
    last_minute: MinuteBar
    change: Number | None
    change_percent: Number | None
    timestamp: Moment | None


class ItemError(Shape):
    """Why one symbol of a batch has no answer; ``code`` and ``detail`` as in a problem."""

    code: str
    detail: str


class FailedSymbol(Shape):
    """What stands in a batch in the place of a symbol that failed."""

    symbol: str
    error: ItemError


class Sentiment(Shape):
    """What an article says of one ticker: the upstream's word (positive, neutral or negative) and its reason."""

    symbol: Symbol
    sentiment: str
    reasoning: str | None


class Article(Shape):
    """An article. ``sentiments`` is empty where upstream judged nobody in it; ``sentiment`` is that of the symbol that was
    asked for, null where there is none.
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
    """The articles of an answer about one symbol, counted by sentiment. ``mean_score``: positive counts 1, neutral 0,
    negative -1; null where no article has a sentiment.
    """

    symbol: Symbol
    articles: int
    positive: int
    neutral: int
    negative: int
    without_sentiment: int
    mean_score: Number | None


class News(Shape):
    """Articles, newest first, and a summary for the symbol that was asked for (for each symbol in them where none was)."""

    articles: list[Article]
    summaries: list[SentimentSummary]


class MarketStatus(Shape):
    """The session now. ``session`` is pre, regular, post or closed; it lasts until ``next_change``, when ``next_session``
    begins. ``unplanned``: the calendar says another session and the upstream says that the market is closed. ``source``
    names what was asked: calendar alone, or calendar and upstream. ``known``: whether the calendar covers the moment.
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
    """A day of the US stock market. ``status`` is open, early_close or closed; a closed day has no times."""

    date: str
    status: Literal["open", "early_close", "closed"]
    name: str | None
    pre_open: Moment | None
    open: Moment | None
    close: Moment | None
    post_close: Moment | None
    unplanned: bool


class Listing(Shape):
    """A ticker that a search found."""

    symbol: Symbol
    name: str | None
    type: str | None
    exchange: str | None
    currency: str | None
    active: bool | None


class ClassUsage(Shape):
    """What was asked of one class: ``data`` counts symbols of a batch one by one, ``fetched`` those that the cache did not
    have.
    """

    data: int
    fetched: int
    upstream_calls: int


class Usage(Shape):
    """What the caller used on the present UTC day. ``left`` and ``per_day`` are null for a tier without a cap;
    ``hit_ratio`` is null before the first request.
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
    """The store's own figures (null where it does not tell them), the entries in it by class, and what the cache saved on the
    present UTC day: ``saved_calls`` is how many upstream calls fewer were made than data were asked for (a long range of bars
    may take several: it saves none). ``complete``: whether the look at the store came to its end.
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
    """How many entries of a symbol were dropped."""

    symbol: Symbol
    dropped: int


class IndicatorValue(Shape):
    """An indicator's value at a bar; ``timestamp`` is the start of the bar's window."""

    symbol: Symbol
    timestamp: Moment
    value: float


class MacdValue(IndicatorValue):
    """The same of a MACD: ``value`` is its line, ``histogram`` the line less the signal."""

    signal: float
    histogram: float


class PreferredSymbols(Shape):
    """What was taken: the symbols, how many requests an hour are expected for each, and until when. ``preferred``: how many
    symbols are preferred now, all together.
    """

    symbols: list[Symbol]
    weight: int
    until: Moment
    preferred: int


class Unpreferred(Shape):
    """How many symbols are still preferred without this one."""

    symbol: Symbol
    preferred: int
