"""Models of the upstream's snapshots: of one ticker, several or all (v2), and the universal one (v3). The rules are those of
``dekr.polygon.wire``.
"""

from typing import Annotated, Any

from pydantic import Field, StrictInt, field_validator, model_validator

from dekr.flaws import is_crossed
from dekr.polygon.wire import Amount, Count, LastQuote, LastTrade, Number, Wire
from dekr.times import FAR_FUTURE_MS, FAR_FUTURE_NS


class MinuteBar(Wire):
    """The snapshot's last minute bar; all zero before the first trade of the day. ``t`` in ms."""

    c: Amount = 0
    t: Annotated[Count, Field(le=FAR_FUTURE_MS)] = 0


class DayBar(Wire):
    """A day's bar in a snapshot; all zero before the first trade."""

    o: Amount | None = None
    h: Amount | None = None
    l: Amount | None = None  # noqa: E741 - the wire's name
    c: Amount | None = None
    v: Amount | None = None
    vw: Amount | None = None

    @property
    def suspect(self) -> bool:
        """Whether its low is above its high. Zeros are a day without trades."""
        return self.l is not None and self.h is not None and self.l > self.h


class TickerSnapshot(Wire):
    """One ticker of a snapshot; ``lastQuote`` and ``lastTrade`` are absent where the plan lacks them, and zero before the
    day's first.
    """

    ticker: str
    lastQuote: LastQuote | None = None  # noqa: N815 - the wire's name
    lastTrade: LastTrade | None = None  # noqa: N815 - the wire's name
    min: MinuteBar | None = None
    day: DayBar | None = None
    prevDay: DayBar | None = None  # noqa: N815 - the wire's name
    updated: Annotated[Count, Field(le=FAR_FUTURE_NS)] | None = None
    todaysChange: Number | None = None  # noqa: N815 - the wire's name
    todaysChangePerc: Number | None = None  # noqa: N815 - the wire's name

    @property
    def suspect(self) -> bool:
        """Whether some of its prices can hardly be true: a bid above its ask, a low above its high."""
        crossed = self.lastQuote is not None and self.lastQuote.crossed
        return crossed or any(bar is not None and bar.suspect for bar in (self.day, self.prevDay))

    @field_validator("lastTrade", mode="before")
    @classmethod
    def _no_trade_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return None if isinstance(value, dict) and not value.get("p") else value

    @field_validator("lastQuote", mode="before")
    @classmethod
    def _no_quote_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return value or None


class SnapshotAnswer(Wire):
    """An answer of the single-ticker snapshot endpoint."""

    status: str
    ticker: TickerSnapshot


class SnapshotsAnswer(Wire):
    """An answer of the snapshot endpoint about several tickers or the whole market; those without a snapshot are not in it."""

    status: str
    tickers: list[TickerSnapshot] | None = None


class UniversalSession(Wire):
    """The day's session in a v3 snapshot."""

    previous_close: Amount | None = None


class UniversalMinute(Wire):
    """The last minute bar of a v3 snapshot; times are ns."""

    close: Amount = 0
    last_updated: Count = 0


class UniversalQuote(Wire):
    """The last quote of a v3 snapshot; times are ns."""

    bid: Amount | None = None
    ask: Amount | None = None
    bid_size: Amount | None = None
    ask_size: Amount | None = None
    last_updated: Count
    timeframe: str | None = None


class UniversalTrade(Wire):
    """The last trade of a v3 snapshot; times are ns."""

    price: Amount
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
        """The time of the trade in nanoseconds, on the consolidated tape where that is known; 0 where there is none."""
        return self.sip_timestamp or self.last_updated or 0


class UniversalItem(Wire):
    """One ticker of a v3 snapshot; a ticker that is not known, or not in the plan, has an ``error`` instead of data."""

    ticker: str
    error: str | None = None
    message: str | None = None
    session: UniversalSession | None = None
    last_minute: UniversalMinute | None = None
    last_quote: UniversalQuote | None = None
    last_trade: UniversalTrade | None = None

    @property
    def suspect(self) -> bool:
        """Whether its bid is above its ask."""
        return self.last_quote is not None and is_crossed(self.last_quote.bid, self.last_quote.ask)

    @field_validator("last_trade", mode="before")
    @classmethod
    def _no_trade_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return None if isinstance(value, dict) and not value.get("price") else value

    @field_validator("last_quote", mode="before")
    @classmethod
    def _no_quote_yet(cls, value: Any) -> Any:  # noqa: ANN401 - parsed JSON
        return value or None


class UniversalAnswer(Wire):
    """An answer of ``/v3/snapshot``."""

    status: str
    results: list[UniversalItem] | None = None
    next_url: str | None = None
