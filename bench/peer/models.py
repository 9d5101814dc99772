"""The models of the peer's answers."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel


class Quote(BaseModel):
    """The best bid and ask of a symbol."""

    symbol: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    timestamp: datetime

    @classmethod
    def from_polygon(cls, symbol: str, result: dict[str, Any]) -> "Quote":
        """Convert Polygon's last NBBO: lower-case p and s are the bid, upper-case P and S the ask, t is in nanoseconds."""
        return cls(
            symbol=symbol,
            bid=result["p"],
            ask=result["P"],
            bid_size=result["s"],
            ask_size=result["S"],
            timestamp=datetime.fromtimestamp(result["t"] / 1e9, UTC),
        )


class Bar(BaseModel):
    """One bar of a symbol. ``timestamp`` is the start of its window."""

    symbol: str
    timestamp: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float | None = None
    transactions: int | None = None

    @classmethod
    def from_polygon(cls, symbol: str, result: dict[str, Any]) -> "Bar":
        """Convert one of Polygon's aggregates, whose start t is in milliseconds."""
        return cls(
            symbol=symbol,
            timestamp=datetime.fromtimestamp(result["t"] / 1000, UTC),
            open=result["o"],
            high=result["h"],
            low=result["l"],
            close=result["c"],
            volume=result["v"],
            vwap=result.get("vw"),
            transactions=result.get("n"),
        )
