"""The sandbox's errors have the vendor's statuses and exact bodies."""

import base64
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.contract.sandbox.conftest import Running
from tests.patience import HANG_S

DAYS = "/v2/aggs/ticker/AAPL/range/1/day/2026-11-09/2026-11-20"


def refused(response: httpx.Response, status: int) -> dict[str, str]:
    """Assert an error with this status, and return its body without the request's id, which every error has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body: dict[str, str] = response.json()
    assert re.fullmatch(r"[0-9a-f]{32}", body.pop("request_id"))
    return body


@pytest.mark.parametrize("header", [None, "Bearer another-key", "Basic sandbox-key-not-real", "sandbox-key-not-real"])
def test_a_wrong_key(advanced: Running, header: str | None) -> None:
    response = httpx.get(
        f"{advanced.http.base_url}{DAYS}", headers={"Authorization": header} if header else {}, timeout=HANG_S
    )
    assert refused(response, 401) == {"status": "ERROR", "error": "Unknown API Key"}


def test_the_key_may_stand_in_the_query(advanced: Running) -> None:
    response = httpx.get(
        f"{advanced.http.base_url}{DAYS}", params={"apiKey": advanced.sandbox.key, "limit": 2}, timeout=HANG_S
    )
    assert response.status_code == 200
    (cursor,) = parse_qs(urlsplit(response.json()["next_url"]).query)["cursor"]
    assert advanced.sandbox.key.encode() not in base64.urlsafe_b64decode(cursor + "==")


@pytest.mark.parametrize(
    "path",
    [
        "/v3/quotes/AAPL",
        "/v3/trades/AAPL",
        "/v1/indicators/sma/AAPL",
        "/v2/reference/news",
        "/v3/reference/tickers",
        "/v3/reference/splits",
        "/v3/snapshot",
        DAYS,
    ],
)
def test_a_cursor_that_was_changed(advanced: Running, path: str) -> None:
    (cursor,) = parse_qs(urlsplit(advanced.get(path, limit=2)["next_url"]).query)["cursor"]
    for place in (0, len(cursor) // 2, len(cursor) - 1):
        changed = cursor[:place] + ("B" if cursor[place] == "A" else "A") + cursor[place + 1 :]
        body = refused(advanced.http.get(urlsplit(path).path, params={"cursor": changed}), 400)
        assert body == {"status": "ERROR", "error": "The parameter 'cursor' is not one of ours"}


def test_an_unknown_ticker(advanced: Running) -> None:
    for path in ("/v2/last/nbbo/", "/v2/last/trade/", "/v2/snapshot/locale/us/markets/stocks/tickers/"):
        body = refused(advanced.http.get(f"{path}NOSUCH"), 404)
        assert body == {"status": "NOT_FOUND", "message": "Data not found."}


@pytest.mark.parametrize("path", ["/v3/quotes/", "/v3/trades/"])
def test_an_unknown_ticker_has_no_quotes_and_no_trades(advanced: Running, path: str) -> None:
    body = advanced.get(f"{path}NOSUCH")
    assert (body["status"], body["results"]) == ("OK", [])
    assert "next_url" not in body


def test_an_unknown_ticker_has_an_answer_without_results(advanced: Running) -> None:
    body = advanced.get(DAYS.replace("AAPL", "NOSUCH"))
    del body["request_id"]
    assert body == {"ticker": "NOSUCH", "status": "OK", "queryCount": 0, "resultsCount": 0, "adjusted": True}


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/last/nbbo", "/v2/last/nbbo/", "/v3/snapshot/", "/v1/indicators/wma/AAPL", "/v9/none", "/_control/none"],
)
def test_a_path_without_a_route(advanced: Running, path: str) -> None:
    response = advanced.http.get(path)
    assert (response.status_code, response.text) == (404, "404 page not found")
    assert response.headers["content-type"].startswith("text/plain")
    assert advanced.sandbox.calls.total() == 0


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (DAYS.replace("day", "fortnight"), "timespan"),
        (DAYS.replace("/1/", "/0/"), "multiplier"),
        (DAYS.replace("/1/", "/x/"), "multiplier"),
        (DAYS.replace("2026-11-09", "2026-02-30"), "'from'"),
        (DAYS.replace("2026-11-20", "yesterday"), "'to'"),
        (DAYS.replace("2026-11-09", "2026-11-21"), "'from'"),
        (f"{DAYS}?limit=0", "limit"),
        (f"{DAYS}?limit=abc", "limit"),
        (f"{DAYS}?adjusted=maybe", "adjusted"),
        (f"{DAYS}?sort=up", "sort"),
        (f"{DAYS}?cursor=%C3%A9", "cursor"),
        (f"{DAYS}?cursor=AAAA", "cursor"),
        ("/v2/aggs/grouped/locale/us/market/stocks/20261119", "'date'"),
        ("/v3/snapshot?type=bonds", "type"),
        ("/v3/trades/AAPL?limit=0", "limit"),
        ("/v3/quotes/AAPL?timestamp=2026-11-20T10:00:00", "'timestamp'"),
        ("/v3/trades/AAPL?order=up", "order"),
        ("/v3/quotes/AAPL?sort=price", "sort"),
        ("/v3/quotes/AAPL?timestamp=yesterday", "'timestamp'"),
        ("/v3/quotes/AAPL?timestamp.gte=2026-02-30", "'timestamp.gte'"),
        ("/v3/quotes/AAPL?page_marker=x", "cursor"),
        ("/v1/indicators/sma/AAPL?window=0", "window"),
        ("/v1/indicators/rsi/AAPL?window=10000", "window"),
        ("/v1/indicators/macd/AAPL?short_window=26&long_window=12", "short_window"),
        ("/v1/indicators/ema/AAPL?timespan=second", "timespan"),
        ("/v1/indicators/ema/AAPL?series_type=vwap", "series_type"),
        ("/v1/indicators/ema/AAPL?expand_underlying=2", "expand_underlying"),
        ("/v2/reference/news?published_utc.gt=lately", "'published_utc.gt'"),
        ("/v2/reference/news?published_utc=2026-11-20T10:00:00", "'published_utc'"),
        ("/v2/reference/news?sort=title", "sort"),
        ("/v3/reference/tickers?market=bonds", "market"),
        ("/v3/reference/tickers?active=perhaps", "active"),
        ("/v3/reference/tickers?sort=price", "sort"),
        ("/v3/reference/splits?execution_date.lt=soon", "'execution_date.lt'"),
        (f"/v3/snapshot?ticker.any_of={','.join(['AAPL'] * 251)}", "250"),
    ],
)
def test_bad_requests_name_what_is_wrong(advanced: Running, path: str, named: str) -> None:
    body = refused(advanced.http.get(path), 400)
    assert body["status"] == "ERROR"
    assert named in body["error"]


@pytest.mark.parametrize(
    "bounds", ["0/9", "-5/1795186830000", "99999999999999/99999999999999", "0001-01-01/9999-12-31"]
)
@pytest.mark.parametrize("window", ["1/day", "100000/year", "100000/week", "100000/hour"])
def test_far_away_ranges_are_answered(advanced: Running, bounds: str, window: str) -> None:
    body = advanced.get(f"/v2/aggs/ticker/AAPL/range/{window}/{bounds}", limit=10)
    assert body["resultsCount"] == len(body.get("results", []))
