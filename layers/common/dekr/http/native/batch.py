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
MAX_PARSED: Final = 128
"""Batches whose parsed symbols are kept, because whoever sends one sends it again."""

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
        symbols = body["symbols"] if isinstance(body, dict) and set(body) == {"symbols"} else body
        if not isinstance(symbols, list) or not all(isinstance(item, str) for item in symbols):
            raise ValueError(RULE)
        if not symbols:
            raise ValueError("must name at least one symbol")
        return symbols

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Both forms, as the documentation shows them."""
        del schema, handler
        return {"title": "Symbols", "oneOf": [_LIST, _OBJECT], "examples": [["AAPL", "GOOGL"]]}


BatchBody = Annotated[Symbols, Body()]


def parsed(symbols: Sequence[str], max_symbols: int) -> Mapping[str, Ticker | DekrError]:
    """Each symbol once, in the order of the body, with its ticker or the error that stands in its place.

    Raises InvalidInput (``batch_too_large``) for more than the tier's ``max_symbols``.
    """
    if len(symbols) > max_symbols:
        raise InvalidInput(
            "symbols",
            f"must not be more than {max_symbols} on your tier; there are {len(symbols)}",
            code="batch_too_large",
        )
    return _parsed(tuple(symbols))


@lru_cache(MAX_PARSED)
def _parsed(symbols: tuple[str, ...]) -> Mapping[str, Ticker | DekrError]:
    items: dict[str, Ticker | DekrError] = {}
    for symbol in symbols:
        try:
            ticker = Ticker.parse(symbol)
        except InvalidInput as error:
            items[symbol] = error
        else:
            items[ticker.text] = ticker
    return items


def batch_json(items: Mapping[str, Ticker | DekrError], quotes: Mapping[str, str | DekrError]) -> str:
    """The JSON object of all symbols: each one's quote, or the error in its place. ``quotes``: the JSON of each ticker's quote."""
    parts = []
    for symbol, item in items.items():
        value = quotes[symbol] if isinstance(item, Ticker) else item
        # A ticker needs no escaping; a symbol that is none may hold anything.
        parts.append(
            f'"{symbol}":{value}' if isinstance(value, str) else f"{json.dumps(symbol)}:{_failed(symbol, value)}"
        )
    return "{" + ",".join(parts) + "}"


def _failed(symbol: str, error: DekrError) -> str:
    return json.dumps({"symbol": symbol, "error": {"code": error.code, "detail": error.detail}}, separators=(",", ":"))
