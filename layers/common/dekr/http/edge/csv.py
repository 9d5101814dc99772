"""Answers as comma-separated values (RFC 4180): the first line names the columns, and null is an empty field."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler.openapi.params import Query

MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"

FormatQuery = Annotated[
    Literal["json", "csv"] | None,
    Query(alias="format", description="json or csv; it goes before what the Accept header says."),
]

FORMULA_STARTS: Final = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    *("\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}"),
    *("\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}"),
)
"""The first characters of a text that a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection."""

_CSV: Final = re.compile(r"text/csv\s*(?:;\s*(?!q=0(?:\.0*)?\s*$).*)?")


def wants_csv(chosen: str | None, accepted: str) -> bool:
    """Whether the answer shall be CSV: as the ``format`` parameter (``chosen``) says, else where the Accept header (``accepted``)
    names text/csv and not JSON.
    """
    if chosen is not None:
        return chosen == "csv"
    parts = [part.strip().lower() for part in accepted.split(",")]
    return any(_CSV.fullmatch(part) for part in parts) and not any(
        part.startswith("application/json") for part in parts
    )


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
