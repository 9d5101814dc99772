"""The shapes of Polygon's answers, as far as the documentation shows them. Their items pass as the upstream sends them."""

from typing import Any, Literal

from pydantic import ConfigDict

from dekr.models.common import Shape


class _Envelope(Shape):
    model_config = ConfigDict(extra="allow")

    request_id: str
    status: Literal["OK", "DELAYED"]


class One(_Envelope):
    """An answer with one object under ``results``."""

    results: dict[str, Any]


class Page(_Envelope):
    """An answer with a list under ``results``; ``next_url`` is the address of the next page, left out on the last one."""

    results: list[dict[str, Any]]
    next_url: str | None = None


class Aggregates(_Envelope):
    """Bars: t (ms) o h l c v, and vw and n where the upstream gives them."""

    ticker: str
    adjusted: bool
    queryCount: int  # noqa: N815 - the wire's name
    resultsCount: int  # noqa: N815 - the wire's name
    results: list[dict[str, Any]] | None = None
    next_url: str | None = None


class TickerSnapshot(_Envelope):
    """One ticker's snapshot."""

    ticker: dict[str, Any]


class TickerSnapshots(_Envelope):
    """Several tickers' snapshots. The whole market's, which is kept as one compressed answer, has no ``request_id``."""

    request_id: str | None = None  # type: ignore[assignment] # the envelope requires it
    count: int
    tickers: list[dict[str, Any]]


class MarketNow(Shape):
    """The state of the markets; it has no envelope."""

    model_config = ConfigDict(extra="allow")

    market: str
    serverTime: str  # noqa: N815 - the wire's name


class UpcomingDay(Shape):
    """A day on which an exchange does not trade, or ends early."""

    model_config = ConfigDict(extra="allow")

    date: str
    exchange: str
    name: str
    status: str
