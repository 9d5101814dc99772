"""The rules for query strings that hold on every route, and the parameters that several routes have."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator

from dekr.access.credentials import QUERY_NAME
from dekr.errors import InvalidInput
from dekr.symbols import RULE

LONGEST_QUERY: Final = 4_096
LISTS: Final = frozenset({"tickers", "ticker.any_of"})
"""The parameters that are lists: some of Polygon's clients repeat them and others join their values by commas."""


def whole(value: object) -> object:
    """Let a text pass that is a whole number in plain digits, fewer than 16 of them: not ``1_000``, ``+5`` or ``5.0``, which Python
    would take. Raises ValueError, as a pydantic validator does.
    """
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 16):  # noqa: PLR2004 - fits
        raise ValueError("must be a whole number")
    return value


Whole = BeforeValidator(whole)


def at_most(largest: int) -> AfterValidator:
    """The validator that takes a larger number for the largest one, as Polygon does with its limits."""
    return AfterValidator(lambda number: min(number, largest))


def lowered(value: object) -> object:
    """Put a text in small letters. Python's clients send ``True``, which Polygon takes."""
    return value.lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(lowered)

SymbolPath = Annotated[str, Path(description="The ticker. All lower case is upper-cased; mixed case is left alone.")]
TrueOrFalse = Annotated[Literal["true", "false"], AnyCase]
AdjustedQuery = Annotated[TrueOrFalse, Query(description="Adjusted for splits.")]
TierQuery = Annotated[
    int | None,
    Query(ge=1, le=7, description="Answer as this tier would be answered. It may lower your tier, never raise it."),
    Whole,
]


def parse(raw: str, *, as_polygon: bool = False) -> dict[str, str]:
    """The parameters of a raw query string by name; empty pairs count for nothing, and repeated lists are joined by commas.

    ``as_polygon``: the query is read as Polygon reads it. A parameter without a value is absent, ``apikey`` is ``apiKey``, and one
    that is repeated with the same value counts once (the vendor's Go client adds its options to each ``next_url``). Raises
    InvalidInput for a query that is too long or broken, or has another parameter twice.
    """
    if not raw:
        return {}
    if len(raw) > LONGEST_QUERY:
        raise InvalidInput("query", f"must not be longer than {LONGEST_QUERY} characters")
    try:
        pairs = parse_qsl(
            "&".join(_sent(raw, as_polygon)), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        # The caller's mistake; the cause is left out, because it quotes what was sent.
        raise InvalidInput("query", "must be name=value pairs, percent-encoded UTF-8") from None
    found: dict[str, str] = {}
    for sent, value in pairs:
        name = QUERY_NAME if as_polygon and sent == QUERY_NAME.lower() else sent
        if name not in found or (as_polygon and found[name] == value):
            found[name] = value
        elif name in LISTS:
            found[name] += f",{value}"
        else:
            raise InvalidInput(_shown(name), "must not be given more than once")
    return found


def _sent(raw: str, as_polygon: bool) -> list[str]:  # noqa: FBT001 - as parse has it
    """The pairs of a raw query that count."""
    return [pair for pair in raw.split("&") if (pair.partition("=")[2] if as_polygon else pair)]


def refuse_unprintable(path: str) -> None:
    """Raise InvalidInput for a path with control characters: the resolver would let a line break at its end pass."""
    if not path.isprintable():
        raise InvalidInput("symbol", RULE, code="invalid_symbol")


def names_of(parameter: Any) -> list[str]:  # noqa: ANN401 - a field of the resolver's
    """The names that a route's parameter has in a query: its own, or those of the fields where its type is a model."""
    kind = parameter.type_
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return [parameter.alias]


def refuse_unknown(found: dict[str, str], known: frozenset[str]) -> None:
    """Raise InvalidInput for a parameter that is not among those of the route (``known``)."""
    for name in found:
        if name not in known:
            rule = f"is not a parameter of this route; it has {', '.join(sorted(known)) or 'none'}"
            raise InvalidInput(_shown(name), rule)


def _shown(name: str) -> str:
    """A name from outside, short and without control characters."""
    return "".join(c if c.isprintable() else "?" for c in name[:40])
