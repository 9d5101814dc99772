"""Streams over HTTP: the bodies that start and change one, checked against the caller's tier, and the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from dekr.errors import InvalidInput
from dekr.http.native.symbol_lists import MAX_SYMBOLS, symbol_list, ticker_in
from dekr.models.streams import EndedStream, StartedStream, Stream
from dekr.stream.pairs import ALL, Channel
from dekr.stream.registry.replies import STREAMING
from dekr.stream.started.streams import Started, StreamView
from dekr.stream.started.wish import Wish, require
from dekr.tiers import Tier
from dekr.times import rfc3339_ms

START_RULE: Final = (
    'must be an array of ticker symbols, or an object {"symbols": [...], "channels": [...], "snapshot": ...}'
)
CHANGE_RULE: Final = 'must be an object {"add": [...], "remove": [...]}'

StreamIdPath = Annotated[str, Path(description="The id of a stream that was started with this caller's key or token.")]


def _channels(value: object) -> object:
    """The value, if it is a list of channels. Raises ValueError, as a validator of pydantic does."""
    names = list(Channel)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item in names for item in value):
        raise ValueError(f"must be an array of channels: {', '.join(names)}")
    return list(dict.fromkeys(value))


def _true_or_false(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - what a validator raises
    return value


_CHANNELS: Final = "T trades, Q quotes, A aggregates of a second, AM of a minute, LULD price bands."
_Symbols = Annotated[list[str], BeforeValidator(symbol_list), Field(min_length=1, max_length=MAX_SYMBOLS)]


class StreamStart(BaseModel):
    """The pairs that a stream shall deliver: each of the channels of each of the symbols.

    The symbol ``*`` stands for all symbols of A and AM, on the highest tier. Without symbols: those that are preferred for the
    caller.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbols: Annotated[_Symbols | None, Field(examples=[["AAPL", "MSFT"]])] = None
    channels: Annotated[list[Channel], BeforeValidator(_channels), Field(min_length=1)] = [Channel.TRADES]
    snapshot: Annotated[bool, BeforeValidator(_true_or_false)] = False

    @model_validator(mode="before")
    @classmethod
    def _either_form(cls, body: Any) -> Any:  # noqa: ANN401 - parsed JSON
        if isinstance(body, list):
            return {"symbols": body}
        if not isinstance(body, dict):
            raise ValueError(START_RULE)  # noqa: TRY004 - what a validator raises
        # Null is no list, and is not taken for a field that is left out.
        if body.get("symbols", ()) is None:
            return {**body, "symbols": False}
        return body

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Both forms, as the documentation shows them."""
        described = handler.resolve_ref_schema(handler(schema))
        symbols = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_SYMBOLS}
        items = {"enum": [*Channel], "type": "string"}
        channels = {"type": "array", "items": items, "minItems": 1, "default": ["T"], "description": _CHANNELS}
        snapshot = {"type": "boolean", "default": False, "description": "Send the latest event of each pair first."}
        return {
            "description": described.get("description", ""),
            "oneOf": [
                symbols,
                {
                    "type": "object",
                    "properties": {"symbols": symbols, "channels": channels, "snapshot": snapshot},
                    "additionalProperties": False,
                },
            ],
        }


class SymbolsChange(BaseModel):
    """Symbols that a stream shall deliver, too, or no longer, in all of its channels."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1})

    add: _Symbols = []
    remove: _Symbols = []

    @model_validator(mode="before")
    @classmethod
    def _an_object(cls, body: Any) -> Any:  # noqa: ANN401 - parsed JSON
        if not isinstance(body, dict) or not body:
            raise ValueError(CHANGE_RULE)
        return body


StartBody = Annotated[StreamStart, Body()]
ChangeBody = Annotated[SymbolsChange, Body()]


def wish_of(body: StreamStart, preferred: Callable[[], Sequence[str]], tier: Tier) -> Wish:
    """Read what a stream shall deliver. ``preferred`` finds the caller's preferred symbols, where the body names none.

    Raises FeatureNotInTier and InvalidInput for what the caller's tier may not have.
    """
    require(STREAMING, "streams", tier)
    symbols = preferred() if body.symbols is None else _symbols(body.symbols, "symbols")
    if not symbols:
        raise InvalidInput("symbols", "is required: no symbols are preferred for you")
    wish = Wish(tuple(body.channels), tuple(symbols), body.snapshot)
    wish.check(tier)
    return wish


@dataclass(frozen=True, slots=True)
class Amendment:
    """Symbols to add to a stream and to take from it, each once and none in both."""

    add: tuple[str, ...]
    remove: tuple[str, ...]

    @classmethod
    def of(cls, body: SymbolsChange) -> "Amendment":
        """Read the change of a stream. Raises InvalidInput."""
        add, remove = _symbols(body.add, "add"), _symbols(body.remove, "remove")
        if both := [symbol for symbol in remove if symbol in set(add)]:
            raise InvalidInput("remove", f"must not name {both[0]}, which add names")
        return cls(tuple(add), tuple(remove))


def stream_json(view: StreamView) -> str:
    """The JSON of a stream."""
    return Stream(
        stream_id=view.stream_id,
        status=view.state.value,
        pairs=list(view.pairs),
        expires_at=None if view.until_us is None else _written(view.until_us),
        connected_since=None if view.since_us is None else _written(view.since_us),
    ).model_dump_json()


def started_json(started: Started) -> str:
    """The JSON of a stream that was just started."""
    return StartedStream(
        stream_id=started.stream_id, status="started", url=started.url, expires_at=_written(started.until_us)
    ).model_dump_json()


def ended_json(stream_id: str) -> str:
    """The JSON of a stream that was just ended."""
    return EndedStream(stream_id=stream_id, status="ended").model_dump_json()


def _written(moment_us: int) -> str:
    return rfc3339_ms(moment_us // 1000)


def _symbols(symbols: Sequence[str], field: str) -> list[str]:
    return list(dict.fromkeys(symbol if symbol == ALL else ticker_in(symbol, field) for symbol in symbols))
