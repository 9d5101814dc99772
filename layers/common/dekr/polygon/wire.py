"""The upstream's answers, validated. Shapes and units: its OpenAPI description (see docs/architecture.md).

Numbers stay as they came: an integer stays an integer, a decimal fraction stays a float. Fields that are not listed are
ignored, because the upstream adds some from time to time; what is kept of a quote or snapshot is the object as it came.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, model_validator

type Price = Annotated[StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)], Field(ge=0)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Bar(_Wire):
    """A bar: ``t`` start of its window (ms), ``v`` volume, ``vw`` volume-weighted price, ``n`` transactions."""

    t: StrictInt
    o: Price
    h: Price
    l: Price  # noqa: E741 - the wire's name
    c: Price
    v: Price
    vw: Price | None = None
    n: StrictInt | None = None

    @model_validator(mode="after")
    def _bounds(self) -> "Bar":
        if not self.l <= min(self.o, self.c) <= max(self.o, self.c) <= self.h or self.l <= 0:
            raise ValueError("a bar's low and high must bound its open and close")
        return self


class Aggregates(_Wire):
    """An answer of the aggregates endpoints: ``results`` may be absent."""

    ticker: str | None = None
    status: str
    results: list[Bar] | None = None
    next_url: str | None = None


class LastQuote(_Wire):
    """The NBBO: lower-case ``p`` and ``s`` are the bid, upper-case ``P`` and ``S`` the ask; ``t`` in ns."""

    p: Price | None = None
    s: Price | None = None
    P: Price | None = None
    S: Price | None = None
    t: StrictInt

    @model_validator(mode="after")
    def _a_side(self) -> "LastQuote":
        if self.p is None and self.P is None:
            raise ValueError("a quote must have a bid or an ask")
        return self


class TickerQuote(LastQuote):
    """The NBBO with the ticker that it is of."""

    T: str


class LastQuoteAnswer(_Wire):
    """An answer of ``/v2/last/nbbo``."""

    status: str
    results: TickerQuote


class MinuteBar(_Wire):
    """The snapshot's last minute bar; all zero before the first trade of the day."""

    c: Price = 0
    t: StrictInt = 0


class TickerSnapshot(_Wire):
    """One ticker of a snapshot; ``lastQuote`` is absent where the plan lacks quotes."""

    ticker: str
    lastQuote: LastQuote | None = None  # noqa: N815 - the wire's name
    min: MinuteBar | None = None


class SnapshotAnswer(_Wire):
    """An answer of the single-ticker snapshot endpoint."""

    status: str
    ticker: TickerSnapshot


def as_sent(answer: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - parsed JSON
    """The object at a path of a parsed answer, exactly as the upstream sent it."""
    for name in path:
        answer = answer[name]
    sent: dict[str, Any] = answer
    return sent
