"""The headers of content negotiation are read as RFC 9110 says."""

import pytest

from dekr.http.edge.csv import wants_csv
from dekr.http.edge.headers import accepts_gzip


@pytest.mark.parametrize(
    "accepted",
    [
        "text/csv",
        "TEXT/CSV; Q=1",
        "text/csv, application/json;q=0.5",
        "application/json;q=0.5, text/csv;q=0.51",
        "text/csv; charset=utf-8; header=present, application/json; q=0.9",
        "text/csv, */*",
        "text/csv;q=0.5, */*;q=0.5",
        "text/*",
        "text/*;q=0.2, application/*;q=0.1",
        "application/json;q=0, */*",
        "text/csv;q=0.001",
    ],
)
def test_csv_is_preferred(accepted: str) -> None:
    assert wants_csv(None, accepted)
    assert not wants_csv("json", accepted)


@pytest.mark.parametrize(
    "accepted",
    [
        "",
        "*/*",
        "text/csv;q=0",
        "text/csv; charset=utf-8; q=0.000, */*",
        "text/csv, application/json",
        "application/json, text/csv",
        "text/csv;q=0.5, application/json;q=0.6",
        "text/csv;q=0.5, */*",
        "text/csv;q=0, text/*",
        "text/csv;q=0, application/json;q=0",
        "text/csv;q=0, */*;q=0",
        "application/json;q=0",
        "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
        "application/json, text/plain, */*",
        "text/csv;q=high",
        "text/csvx, text/tab-separated-values",
        ", ;, ;q=1",
    ],
)
def test_json_is_preferred(accepted: str) -> None:
    assert not wants_csv(None, accepted)
    assert wants_csv("csv", accepted)


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("identity, *;q=0.1", True),
        ("*;q=0, gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("*;q=0", False),
    ],
)
def test_gzip_is_taken(accepted: str, *, taken: bool) -> None:
    assert accepts_gzip({"accept-encoding": accepted}) is taken
