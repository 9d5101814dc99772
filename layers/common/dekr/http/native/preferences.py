"""The body of a preference, over HTTP or as the detail of an event: which symbols will be requested, how often, until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from dekr.access.principal import USER_RULE, is_user
from dekr.errors import InvalidInput
from dekr.http.edge.problems import invalid
from dekr.http.native.symbol_lists import MAX_SYMBOLS, symbol_list, ticker_in
from dekr.http.paging.time_filters import RFC_3339
from dekr.sessions import eastern_midnight_us
from dekr.times import day_of

MAX_AHEAD_US: Final = 30 * 86_400 * 1_000_000
DEFAULT_US: Final = 3 * 86_400 * 1_000_000
"""How long a preference without ``until`` holds: over a weekend."""

DEFAULT_WEIGHT: Final = 10
_DAY: Final = timedelta(days=1)


class Preferred(BaseModel):
    """Symbols that will be requested: about ``weight`` requests an hour for each, until then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: Annotated[
        list[str],
        BeforeValidator(symbol_list),
        Field(min_length=1, max_length=MAX_SYMBOLS, examples=[["AAPL", "BRK.B"]]),
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


class PreferredOfUser(Preferred):
    """The detail of an event, which names the user for whom the symbols are preferred, where it is for one."""

    user: Annotated[str, Field(strict=True)] = ""

    @field_validator("user")
    @classmethod
    def _a_user(cls, user: str) -> str:
        if user and not is_user(user):
            raise ValueError(USER_RULE)
        return user


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
        tickers = dict.fromkeys(ticker_in(symbol, "symbols") for symbol in body.symbols)
        return cls(tuple(tickers), body.weight, _until_us(body.until, now_us))

    @classmethod
    def of_event(cls, event: Mapping[str, Any], now_us: int) -> "tuple[str, Preference]":
        """The user (empty: nobody) and the preference in the detail of an EventBridge event. Raises InvalidInput."""
        try:
            body = PreferredOfUser.model_validate(event.get("detail"))
        except ValidationError as error:
            # The sender's mistake; the cause is left out, because it quotes what was sent.
            raise invalid(RequestValidationError(_located(error))) from None
        return body.user, cls.of(body, now_us)


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
