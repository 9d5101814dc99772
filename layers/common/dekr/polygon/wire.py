"""The upstream's answers, validated. Shapes and units: its OpenAPI description (see docs/architecture.md).

Numbers stay as they came: an integer stays an integer, a decimal fraction stays a float. Fields that are not listed are
ignored, because the upstream adds some from time to time; what is kept of a quote or snapshot is the object as it came.
"""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
)

from dekr.flaws import is_crossed

type Number = StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)]
# The bound stands at each kind of number: at their union pydantic would check it in Python.
type Amount = Annotated[StrictInt, Field(ge=0)] | Annotated[StrictFloat, Field(allow_inf_nan=False, ge=0)]
type Count = Annotated[StrictInt, Field(ge=0)]
type Whole = Count | Annotated[StrictFloat, Field(allow_inf_nan=False, ge=0, multiple_of=1), AfterValidator(int)]
"""A count that may come as a float without a fraction: JSON has one kind of number."""


class Wire(BaseModel):
    """Base of the models of answers and their parts."""

    # Errors name fields and rules, never what was sent: they may be logged.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Bar(Wire):
    """A bar: ``t`` is the start of its window (ms), ``o``, ``h``, ``l`` and ``c`` are prices, ``v`` is the volume, ``vw`` the
    volume-weighted price, ``n`` the number of transactions.

    Some trades count for the open and close and not for the range, and others for ``vw`` alone, so none of these need lie
    between low and high. A price of zero and a low above the high are the upstream's own numbers, too.
    """

    t: Count
    o: Amount
    h: Amount
    l: Amount  # noqa: E741 - the wire's name
    c: Amount
    v: Amount
    vw: Amount | None = None
    n: Whole | None = None

    @property
    def at_us(self) -> int:
        """The start of its window in microseconds since the epoch."""
        return self.t * 1_000

    @property
    def suspect(self) -> bool:
        """Whether its prices can hardly be true: one is zero, or the low is above the high."""
        return self.l > self.h or not (self.o and self.h and self.l and self.c)


class Aggregates(Wire):
    """An answer of the aggregates endpoints; ``results`` is absent where there are no bars."""

    ticker: str | None = None
    status: str
    results: list[Bar] | None = None
    next_url: str | None = None


class LastQuote(Wire):
    """The NBBO: lower-case ``p`` and ``s`` are the bid, upper-case ``P`` and ``S`` the ask; ``t`` in ns.

    A side that nobody quotes is 0 or absent (of the NBBO's fields the upstream's description requires only T, t, y, q), and
    both may be.
    """

    p: Amount | None = None
    s: Amount | None = None
    P: Amount | None = None
    S: Amount | None = None
    t: Count

    @property
    def empty(self) -> bool:
        """Whether nobody quotes either side."""
        return not self.p and not self.P

    @property
    def crossed(self) -> bool:
        """Whether the bid is above the ask."""
        return is_crossed(self.p, self.P)


class TickerQuote(LastQuote):
    """The NBBO with its ticker ``T``."""

    T: str


class LastQuoteAnswer(Wire):
    """An answer of ``/v2/last/nbbo``."""

    status: str
    results: TickerQuote


class LastTrade(Wire):
    """A trade: ``p`` its price, ``s`` its size, ``t`` in ns."""

    p: Amount
    s: Amount | None = None
    t: Count


class TickerTrade(LastTrade):
    """The last trade with its ticker ``T``."""

    T: str


class LastTradeAnswer(Wire):
    """An answer of ``/v2/last/trade``."""

    status: str
    results: TickerTrade


class MarketBar(Bar):
    """A day's bar with its ticker ``T``."""

    T: str


class GroupedAnswer(Wire):
    """An answer of the grouped daily endpoint: a bar for each ticker."""

    status: str
    results: list[MarketBar] | None = None


def as_sent(answer: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - parsed JSON
    """The object at a path of a parsed answer, exactly as the upstream sent it."""
    for name in path:
        answer = answer[name]
    sent: dict[str, Any] = answer
    return sent
