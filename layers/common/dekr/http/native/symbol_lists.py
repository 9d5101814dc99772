"""Lists of symbols in the body of a request: what is checked of each, and how a refusal names the one that is wrong."""

from typing import Final

from dekr.errors import InvalidInput
from dekr.symbols import Ticker

MAX_SYMBOLS: Final = 1_000
"""The longest list that any route takes."""

_SHOWN: Final = 20
"""The characters of a wrong symbol that a refusal shows."""


def symbol_list(value: object) -> object:
    """The value, if it is a list of 1 to MAX_SYMBOLS strings. Raises ValueError, as a validator of pydantic does."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be an array of ticker symbols")
    if not 0 < len(value) <= MAX_SYMBOLS:
        raise ValueError(f"must name 1 to {MAX_SYMBOLS} symbols; there are {len(value)}")
    return value


def ticker_in(symbol: str, field: str) -> str:
    """The ticker in one item of the list ``field``. Raises InvalidInput, which shows the item."""
    try:
        return Ticker.parse(symbol, field).text
    except InvalidInput as error:
        # The caller's mistake, said again for its place in the list; the cause is left out, because it quotes what was sent.
        shown = "".join(c if c.isprintable() else "?" for c in symbol[:_SHOWN])
        raise InvalidInput(field, f'"{shown}" {error.detail.partition(": ")[2]}', code=error.code) from None
