"""What the Dekr routes answer, as the documentation shows it. Numbers are the upstream's own, never rounded."""

from typing import Annotated

from pydantic import BaseModel, Field

type Number = int | float

Symbol = Annotated[str, Field(description="The ticker, as upstream spells it.", examples=["AAPL"])]
Moment = Annotated[str, Field(description="RFC 3339, UTC.", examples=["2026-11-20T14:59:59.123456789Z"])]


class Quote(BaseModel):
    """The best bid and ask. ``bid_size`` and ``ask_size`` are as upstream gives them, and null where the source has no
    quotes: then ``bid`` and ``ask`` are both the last known price, and the X-Data-Source header says which.
    """

    symbol: Symbol
    bid: Number | None
    ask: Number | None
    bid_size: Number | None
    ask_size: Number | None
    timestamp: Moment


class Bar(BaseModel):
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


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is for programs, ``detail`` for people; ``field`` names the part of the input."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    field: str | None = None


class Health(BaseModel):
    """Whether the service can answer, and what it depends on."""

    status: str
    store: str
    upstream: str
    clock_offset_ms: int | None
    time: Moment
