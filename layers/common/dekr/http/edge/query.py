"""Rules for the query string that hold on every route, and the parameters that several routes share."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BaseModel, BeforeValidator

from dekr.errors import InvalidInput
from dekr.symbols import RULE

LONGEST_QUERY = 4_096
LISTS = frozenset({"tickers", "ticker.any_of"})
"""Lists, which some of Polygon's clients send as repeated parameters and others joined by commas."""


def whole(value: object) -> object:
    """Only plain digits are a whole number: not ``1_000``, ``+5`` or ``5.0``, which Python would take. Raises
    ValueError, as a validator does.
    """
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 16):  # noqa: PLR2004 - fits
        raise ValueError("must be a whole number")
    return value


Whole = BeforeValidator(whole)


def joined(value: object) -> object:
    """A list that the resolver made of a repeated parameter, as the text that its values joined by commas are."""
    return ",".join(value) if isinstance(value, list) else value


Joined = BeforeValidator(joined)

SymbolPath = Annotated[str, Path(description="The ticker. All lower case is upper-cased; mixed case is left alone.")]
TrueOrFalse = Literal["true", "false"]
AdjustedQuery = Annotated[TrueOrFalse, Query(description="Adjusted for splits.")]
TierQuery = Annotated[
    int | None,
    Query(ge=1, le=7, description="Answer as this tier would be answered. It may lower your tier, never raise it."),
    Whole,
]


def parse(raw: str) -> dict[str, str]:
    """The parameters of a raw query string. Raises InvalidInput for one that is too long, broken or named twice."""
    if not raw:
        return {}
    if len(raw) > LONGEST_QUERY:
        raise InvalidInput("query", f"must not be longer than {LONGEST_QUERY} characters")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise InvalidInput("query", "must be name=value pairs, percent-encoded UTF-8") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found and name not in LISTS:
            raise InvalidInput(_shown(name), "must not be given more than once")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def printable(path: str) -> None:
    """Raise InvalidInput for a path with control characters: the resolver would let a line break at its end pass."""
    if not path.isprintable():
        raise InvalidInput("symbol", RULE, code="invalid_symbol")


def names(parameter: Any) -> list[str]:  # noqa: ANN401 - a field of the resolver's
    """The names in a query of a route's parameter: its own, or those of the fields of the model that it is."""
    kind = parameter.type_
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return [parameter.alias]


def only(found: dict[str, str], known: frozenset[str]) -> None:
    """Raise InvalidInput for a parameter that the route does not have."""
    for name in found:
        if name not in known:
            rule = f"is not a parameter of this route; it has {', '.join(sorted(known)) or 'none'}"
            raise InvalidInput(_shown(name), rule)


def _shown(name: str) -> str:
    """A name from outside, short and without control characters."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])
