"""What the peer answers."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel


class Quote(BaseModel):
    """The best bid and ask."""

    symbol: str
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    timestamp: datetime

    @classmethod
    def from_polygon(cls, symbol: str, result: dict[str, Any]) -> "Quote":
        """The quote in Polygon's letters: lower-case p and s are the bid, upper-case P and S the ask."""
        return cls(
            symbol=symbol,
            bid=result["p"],
            ask=result["P"],
            bid_size=result["s"],
            ask_size=result["S"],
            timestamp=datetime.fromtimestamp(result["t"] / 1e9, UTC),
        )


class Bar(BaseModel):
    """One bar; ``timestamp`` is the start of its window."""

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
        """The bar in Polygon's letters."""
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
