"""Cells of CSV that a spreadsheet would take for formulas are marked as text."""

import csv
import io

import pytest

from dekr.http.edge.csv import line, table

# https://owasp.org/www-community/attacks/CSV_Injection, the list of 2025: signs, tab and line ends, and the full-width forms.
STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


def _cells(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("start", STARTS)
def test_a_text_that_could_be_a_formula_is_marked_as_text(start: str) -> None:
    text = f'{start}HYPERLINK("https://news.example")'
    assert _cells(line([text, 1])) == [f"'{text}", "1"]


@pytest.mark.parametrize("text", ["plain", "a=b", "'quoted", " =1", ""])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert _cells(line([text, -1.5])) == [text, "-1.5"]


def test_no_cell_of_a_table_begins_a_formula() -> None:
    rows = [{"title": f"{start}1+1", "n": -2} for start in STARTS]
    found = list(csv.DictReader(io.StringIO(table(["title", "n"], rows), newline="")))
    assert [row["title"] for row in found] == [f"'{start}1+1" for start in STARTS]
    assert {row["n"] for row in found} == {"-2"}
