"""The body of a preference, over HTTP or as the detail of an event: which symbols will be requested, how often, until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dekr.errors import InvalidInput
from dekr.http.edge.problems import invalid
from dekr.http.paging.time_filters import RFC_3339
from dekr.sessions import eastern_midnight_us
from dekr.symbols import Ticker
from dekr.times import day_of

MAX_SYMBOLS: Final = 1_000
MAX_AHEAD_US: Final = 30 * 86_400 * 1_000_000
DEFAULT_US: Final = 3 * 86_400 * 1_000_000
"""How long a preference without ``until`` holds: over a weekend."""

DEFAULT_WEIGHT: Final = 10
_DAY: Final = timedelta(days=1)


def _strings(value: object) -> object:
    """The value, if it is a list of 1 to MAX_SYMBOLS strings. Raises ValueError, as a validator does."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be an array of ticker symbols")
    if not 0 < len(value) <= MAX_SYMBOLS:
        raise ValueError(f"must name 1 to {MAX_SYMBOLS} symbols; there are {len(value)}")
    return value


class Preferred(BaseModel):
    """Symbols that will be requested: about ``weight`` requests an hour for each, until then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: Annotated[
        list[str], BeforeValidator(_strings), Field(min_length=1, max_length=MAX_SYMBOLS, examples=[["AAPL", "BRK.B"]])
    ]
    weight: Annotated[
        int, Field(strict=True, ge=1, le=100, description="Requests an hour that are expected for each symbol.")
    ] = DEFAULT_WEIGHT
    until: Annotated[
        str | None,
        Field(
            strict=True,
            description="A moment (RFC 3339) or the last day (New York's), at most 30 days ahead; else 3 days.",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _an_object(cls, body: object) -> object:
        if not isinstance(body, dict):
            raise ValueError('must be an object {"symbols": [...]}')  # noqa: TRY004 - what a validator raises
        return body


PreferredBody = Annotated[Preferred, Body()]


@dataclass(frozen=True, slots=True)
class Preference:
    """A checked preference: tickers, each once, about ``weight`` requests an hour for each, until a moment in microseconds."""

    tickers: tuple[str, ...]
    weight: int
    until_us: int

    @classmethod
    def of(cls, body: Preferred, now_us: int) -> "Preference":
        """The preference in a body. Raises InvalidInput, naming the field and its rule."""
        tickers = dict.fromkeys(_ticker(symbol) for symbol in body.symbols)
        return cls(tuple(tickers), body.weight, _until_us(body.until, now_us))

    @classmethod
    def of_event(cls, event: Mapping[str, Any], now_us: int) -> "Preference":
        """The preference in the detail of an EventBridge event. Raises InvalidInput."""
        try:
            body = Preferred.model_validate(event.get("detail"))
        except ValidationError as error:
            # The sender's mistake; the cause is left out, because it quotes what was sent.
            raise invalid(RequestValidationError(_located(error))) from None
        return cls.of(body, now_us)


def _ticker(symbol: str) -> str:
    try:
        return Ticker.parse(symbol, "symbols").text
    except InvalidInput as error:
        # The caller's mistake, said again for its place in the list; the cause is left out, because it quotes what was sent.
        shown = "".join(c if c.isprintable() else "?" for c in symbol[:20])
        raise InvalidInput("symbols", f'"{shown}" {error.detail.partition(": ")[2]}', code=error.code) from None


def _until_us(until: str | None, now_us: int) -> int:
    if until is None:
        return now_us + DEFAULT_US
    last_day = day_of(until)
    until_us = eastern_midnight_us(last_day) if last_day else RFC_3339.span("until", until).first
    if until_us <= now_us + MAX_AHEAD_US:
        if last_day:
            # The last day is included.
            until_us = eastern_midnight_us(last_day + _DAY)
        if now_us < until_us:
            return until_us
    raise InvalidInput("until", "must be in the future, at most 30 days ahead")


def _located(error: ValidationError) -> list[Any]:
    """The errors with the places that they have for a body that came over HTTP."""
    return [{**each, "loc": ("detail", *each["loc"])} for each in error.errors()]
