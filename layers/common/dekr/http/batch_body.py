"""The body of a batch: the symbols it names, and the answer put together from theirs."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BeforeValidator, WithJsonSchema

from dekr.errors import DekrError, InvalidInput
from dekr.symbols import Ticker

MOST: Final = 250
RULE: Final = 'must be an array of ticker symbols, or an object {"symbols": [...]}'


def _symbols(body: Any) -> Any:  # noqa: ANN401 - parsed JSON
    found = body
    if isinstance(body, dict):
        if set(body) != {"symbols"}:
            raise ValueError(RULE)
        found = body["symbols"]
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(RULE)
    if not found:
        raise ValueError("must name at least one symbol")
    return found


_LIST: Final = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST}
BatchBody = Annotated[
    list[str],
    Body(description="The symbols, as an array or under `symbols`; at most as many as the tier allows in one batch."),
    BeforeValidator(_symbols),
    WithJsonSchema(
        {
            "oneOf": [
                _LIST,
                {
                    "type": "object",
                    "properties": {"symbols": _LIST},
                    "required": ["symbols"],
                    "additionalProperties": False,
                },
            ],
            "examples": [["AAPL", "GOOGL"]],
        }
    ),
]


def checked(symbols: Sequence[str], most: int) -> dict[str, Ticker | DekrError]:
    """The symbols in the order asked, each once, with its ticker or the error that stands in its place.

    Raises InvalidInput (``batch_too_large``) for more than the tier's ``most``.
    """
    if len(symbols) > most:
        raise InvalidInput(
            "symbols", f"must not be more than {most} on your tier; there are {len(symbols)}", code="batch_too_large"
        )
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
        text = value if isinstance(value, str) else _failed(symbol, value)
        parts.append(f"{json.dumps(symbol)}:{text}")
    return "{" + ",".join(parts) + "}"


def _failed(symbol: str, error: DekrError) -> str:
    return json.dumps({"symbol": symbol, "error": {"code": error.code, "detail": error.detail}}, separators=(",", ":"))
