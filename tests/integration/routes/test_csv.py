"""Answers as CSV hold what the JSON holds."""

import csv
import io
import json
from typing import Any

import pytest

from tests.integration.routes.paging import followed
from tests.markets import Market
from tests.world import Answer

BARS = "/market-data/AAPL?timespan=day&limit=20"
RANGE = "/market-data/AAPL?timespan=minute&from=2026-09-01&to=2026-11-20"
NEWS = "/news?symbol=AAPL&limit=40"
INDICATOR = "/indicators/AAPL/macd?timespan=day&limit=20"


def _read(answer: Answer) -> list[dict[str, Any]]:
    """The rows under the names of the columns, each cell as the JSON value that it is."""
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.text.splitlines(keepends=True)[0].endswith("\r\n")
    rows = csv.DictReader(io.StringIO(answer.text, newline=""))
    return [{name: _value(cell) for name, cell in row.items()} for row in rows]


def _value(cell: str) -> Any:
    if cell == "":
        return None
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _rows(answer: Answer) -> list[dict[str, Any]]:
    found: Any = answer.json
    return found["articles"] if isinstance(found, dict) else found  # type: ignore[no-any-return] # parsed JSON


@pytest.mark.parametrize("path", [BARS, NEWS, INDICATOR])
@pytest.mark.parametrize("way", ["format", "accept", "accept among others"])
def test_csv_holds_what_the_json_holds(night: Market, path: str, way: str) -> None:
    key = night.world.key()
    expected = _rows(night.world.get(path, key))
    accept = {"accept": "text/csv"} if way == "accept" else {"accept": "text/html, text/csv;q=0.9, */*;q=0.1"}
    answer = (
        night.world.get(f"{path}&format=csv", key) if way == "format" else night.world.get(path, key, headers=accept)
    )
    assert _read(answer) == expected
    assert len(expected) > 1


def test_who_takes_json_too_gets_json_and_the_parameter_goes_first(night: Market) -> None:
    key = night.world.key()
    both = {"accept": "application/json, text/csv"}
    for headers in ({}, both, {"accept": "*/*"}, {"accept": "text/csv;q=0"}):
        assert night.world.get(BARS, key, headers=headers).headers["Content-Type"] == "application/json", headers
    answer = night.world.get(f"{BARS}&format=json", key, headers={"accept": "text/csv"})
    assert answer.headers["Content-Type"] == "application/json"
    assert "Accept" in answer.headers["Vary"]
    assert night.world.get(f"{BARS}&format=csv", key, headers=both).headers["Content-Type"].startswith("text/csv")


def test_pages_of_csv_stay_csv_and_hold_all(night: Market) -> None:
    key = night.world.key()
    expected = [row for answer in followed(night.world, RANGE, key) for row in answer.json]
    answers = list(followed(night.world, f"{RANGE}&format=csv", key))
    assert len(answers) > 1
    assert [row for answer in answers for row in _read(answer)] == expected


def test_news_pages_of_csv_stay_csv(night: Market) -> None:
    key = night.world.key()
    path = "/news?symbol=AAPL&limit=10&published_after=2026-10-01"
    expected = [row["id"] for answer in followed(night.world, path, key) for row in _rows(answer)]
    answers = list(followed(night.world, f"{path}&format=csv", key))
    assert [row["id"] for answer in answers for row in _read(answer)] == expected


def test_errors_are_never_csv(night: Market) -> None:
    answer = night.world.get("/market-data/QQQQQ?limit=5&format=csv", night.world.key())
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_csv_has_an_etag_of_its_own(night: Market) -> None:
    key = night.world.key()
    as_json, as_csv = night.world.get(BARS, key), night.world.get(f"{BARS}&format=csv", key)
    assert as_json.headers["ETag"] != as_csv.headers["ETag"]
    again = night.world.get(f"{BARS}&format=csv", key, headers={"if-none-match": as_csv.headers["ETag"]})
    assert again.status == 304
