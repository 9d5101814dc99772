"""The body of a batch: the symbols it names, and the answer put together from theirs."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from dekr.errors import DekrError, InvalidInput
from dekr.symbols import Ticker

MAX_SYMBOLS: Final = 250
MAX_KEPT: Final = 128
RULE: Final = 'must be an array of ticker symbols, or an object {"symbols": [...]}'


_LIST: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_SYMBOLS}
_OBJECT: Final = {
    "type": "object",
    "properties": {"symbols": _LIST},
    "required": ["symbols"],
    "additionalProperties": False,
}


class Symbols(RootModel[list[str]]):
    """The symbols of a batch, as an array or under ``symbols``; at most as many as the tier allows."""

    @model_validator(mode="before")
    @classmethod
    def _either_form(cls, body: Any) -> Any:  # noqa: ANN401 - parsed JSON
        found = body["symbols"] if isinstance(body, dict) and set(body) == {"symbols"} else body
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise ValueError(RULE)
        if not found:
            raise ValueError("must name at least one symbol")
        return found

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Both forms, as the documentation shows them."""
        del schema, handler
        return {"title": "Symbols", "oneOf": [_LIST, _OBJECT], "examples": [["AAPL", "GOOGL"]]}


BatchBody = Annotated[Symbols, Body()]


def checked(symbols: Sequence[str], most: int) -> Mapping[str, Ticker | DekrError]:
    """The symbols in the order asked, each once, with its ticker or the error that stands in its place.

    Raises InvalidInput (``batch_too_large``) for more than the tier's ``most``.
    """
    if len(symbols) > most:
        raise InvalidInput(
            "symbols", f"must not be more than {most} on your tier; there are {len(symbols)}", code="batch_too_large"
        )
    return _read(tuple(symbols))


@lru_cache(MAX_KEPT)
def _read(symbols: tuple[str, ...]) -> Mapping[str, Ticker | DekrError]:
    """Kept, because who asks for a batch asks for the same one again."""
    found: dict[str, Ticker | DekrError] = {}
    for symbol in symbols:
        try:
            ticker = Ticker.parse(symbol)
        except InvalidInput as error:
            found[symbol] = error
        else:
            found[ticker.text] = ticker
    return found


def answer(asked: Mapping[str, Ticker | DekrError], found: Mapping[str, str | DekrError]) -> str:
    """The JSON object of all symbols: each one's quote, or the error in its place."""
    parts = []
    for symbol, item in asked.items():
        value = found[symbol] if isinstance(item, Ticker) else item
        # A ticker needs no escaping; what is none may hold anything.
        parts.append(
            f'"{symbol}":{value}' if isinstance(value, str) else f"{json.dumps(symbol)}:{_failed(symbol, value)}"
        )
    return "{" + ",".join(parts) + "}"


def _failed(symbol: str, error: DekrError) -> str:
    return json.dumps({"symbol": symbol, "error": {"code": error.code, "detail": error.detail}}, separators=(",", ":"))
