"""Answers as comma-separated values (RFC 4180): the first line names the columns, and null is an empty field."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

from dekr.http.edge.accept import weights

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"

FormatQuery = Annotated[
    Literal["json", "csv"] | None,
    Query(alias="format", description="json or csv; it goes before what the Accept header says."),
]

_REFUSED: Final = (0.0, 2)
"""The preference for a media type that is refused by name; one that is not mentioned is not taken either."""

FORMULA_STARTS: Final = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    *("\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}"),
    *("\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}"),
)
"""The first characters of a text that a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""


def wants_csv(chosen: str | None, accepted: str) -> bool:
    """Whether the answer shall be CSV: as the ``format`` parameter (``chosen``) says, else where the Accept header (``accepted``)
    gives text/csv a greater weight than JSON, or the same weight by a more exact name. Where it refuses both, it is JSON.
    """
    if chosen is not None:
        return chosen == "csv"
    found = weights(accepted)
    csv, json = _preference(found, "text/csv"), _preference(found, "application/json")
    return csv > max(json, _REFUSED)


def _preference(found: Mapping[str, float], media_type: str) -> tuple[float, int]:
    """The weight of a media type, and how exactly the header names it: itself (2), all of its kind (1), or all types (0)."""
    kind = media_type.partition("/")[0]
    for exactness, name in ((2, media_type), (1, f"{kind}/*"), (0, "*/*")):
        if name in found:
            return found[name], exactness
    return _REFUSED


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as CSV below a line with the names of the columns, which are the keys of the rows."""
    return "".join([line(columns), *(line([row.get(column) for column in columns]) for row in rows)])


def line(values: Sequence[Any]) -> str:
    """The values as one line of CSV. Numbers are written as JSON writes them; a list or an object as its JSON.

    A text that a spreadsheet would take for a formula (FORMULA_STARTS) is written with an apostrophe before it, as OWASP's
    page "CSV Injection" advises.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - a value of parsed JSON
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return json.dumps(value, separators=(",", ":"))
