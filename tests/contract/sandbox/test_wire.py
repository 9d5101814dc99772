"""The sandbox's wire, byte by byte where that matters; its control routes; and that it is the same market every time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from local.sandbox import market
from local.sandbox.universe import KNOWN, tickers
from tests.contract.sandbox.conftest import Served

ROOT = Path(__file__).parents[3]
NBBO = "/v2/last/nbbo/AAPL"
DAY = "/v2/aggs/ticker/AAPL/range/1/day/2026-11-16/2026-11-19"


def test_error_bodies(advanced: Served, served: Callable[[str], Served]) -> None:
    unknown_key = advanced.get(NBBO, "wrong")
    assert (unknown_key.status_code, unknown_key.json()["error"]) == (401, "Unknown API Key")
    denied = served("free").get(NBBO)
    assert (denied.status_code, denied.json()["status"]) == (403, "NOT_AUTHORIZED")
    assert "message" in denied.json()
    missing = advanced.get("/v2/last/nbbo/NOPE")
    assert (missing.status_code, missing.json()["status"], missing.json()["message"]) == (
        404,
        "NOT_FOUND",
        "Data not found.",
    )
    unrouted = advanced.get("/v9/nothing")
    assert (unrouted.status_code, unrouted.text) == (404, "404 page not found")
    assert advanced.get("/v3/snapshot?ticker.any_of=" + ",".join(["AAPL"] * 251)).status_code == 400


def test_five_calls_a_minute_on_the_free_plan(served: Callable[[str], Served]) -> None:
    free = served("free")
    path = "/v2/aggs/ticker/AAPL/prev"
    assert [free.get(path).status_code for _ in range(6)] == [200] * 5 + [429]
    assert "exceeded the maximum requests per minute" in free.get(path).json()["error"]
    httpx.post(f"{free.url}/_control/clock", json={"advance_s": 61})
    assert free.get(path).status_code == 200


def test_the_key_as_a_parameter(advanced: Served) -> None:
    assert httpx.get(f"{advanced.url}{NBBO}?apiKey=sandbox-key-not-real").status_code == 200


def test_calls_are_counted_by_path(advanced: Served) -> None:
    advanced.get(NBBO)
    advanced.get(NBBO, "wrong")
    advanced.get("/v1/marketstatus/now")
    counted = httpx.get(f"{advanced.url}/_control/calls").json()
    assert counted == {"total": 3, "by_path": {NBBO: 2, "/v1/marketstatus/now": 1}}


def test_the_clock_can_be_driven_and_shows_in_the_date(advanced: Served) -> None:
    httpx.post(f"{advanced.url}/_control/clock", json={"now": "2026-11-27T19:00:00Z"}).raise_for_status()
    assert advanced.get("/v1/marketstatus/now").json()["afterHours"] is True
    assert advanced.get(NBBO).headers["date"].startswith("Fri, 27 Nov 2026 19:00")
    bad: dict[str, str]
    for bad in ({"now": "tomorrow"}, {"advance_s": "x"}, {}, {"now": "2026-11-27T19:00:00"}):
        assert httpx.post(f"{advanced.url}/_control/clock", json=bad).status_code == 400


def fault(served: Served, kind: str, **options: object) -> None:
    httpx.post(f"{served.url}/_control/faults", json={"kind": kind, "match": "/v2/", **options}).raise_for_status()


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("401", 401), ("403", 403), ("500_html", 500)])
def test_faults_with_a_status_come_as_often_as_ordered(advanced: Served, kind: str, status: int) -> None:
    fault(advanced, kind, count=2)
    assert [advanced.get(NBBO).status_code for _ in range(3)] == [status, status, 200]


def test_faults_of_the_body(advanced: Served) -> None:
    fault(advanced, "malformed", count=1)
    with pytest.raises(json.JSONDecodeError):
        advanced.get(NBBO).json()
    fault(advanced, "truncated", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        advanced.get(NBBO)
    fault(advanced, "wrong_ticker", count=1)
    assert advanced.get(NBBO).json()["results"]["T"] == "WRONG"
    fault(advanced, "empty", count=1)
    assert "results" not in advanced.get(DAY).json()
    fault(advanced, "future", count=1)
    assert advanced.get(NBBO).json()["results"]["t"] > advanced.sandbox.clock.now_us() * 1000 + 3_000 * 10**9


def test_slow_answers_come_and_hanging_ones_do_not(advanced: Served) -> None:
    fault(advanced, "slow", count=1, seconds=0.2)
    assert advanced.get(NBBO).status_code == 200
    fault(advanced, "hang", count=1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(advanced.url + NBBO, headers={"Authorization": "Bearer sandbox-key-not-real"}, timeout=0.3)
    assert advanced.get(NBBO).status_code == 200


def test_orders_that_make_no_sense_are_refused(advanced: Served) -> None:
    orders: list[object] = [
        {"kind": "boom"},
        {"kind": "429", "count": 0},
        {"kind": "429", "match": "x"},
        {"kind": "x"},
        [],
    ]
    for order in orders:
        assert httpx.post(f"{advanced.url}/_control/faults", json=order).status_code == 400
    fault(advanced, "429")
    assert httpx.delete(f"{advanced.url}/_control/faults").json() == {"faults": []}
    assert advanced.get(NBBO).status_code == 200


def test_longer_bars_are_exactly_their_minutes(advanced: Served) -> None:
    def bars(span: str, ticker: str) -> list[dict[str, float]]:
        path = f"/v2/aggs/ticker/{ticker}/range/{span}/2026-11-19/2026-11-19?limit=50000"
        found: list[dict[str, float]] = advanced.get(path).json()["results"]
        return found

    for ticker in ("AAPL", tickers()[400]):
        minutes, (day,) = bars("1/minute", ticker), bars("1/day", ticker)
        assert day["o"] == minutes[0]["o"]
        assert day["c"] == minutes[-1]["c"]
        assert day["h"] == max(bar["h"] for bar in minutes)
        assert day["l"] == min(bar["l"] for bar in minutes)
        assert day["v"] == sum(bar["v"] for bar in minutes) == sum(bar["v"] for bar in bars("5/minute", ticker))
        hours = bars("1/hour", ticker)
        assert {bar["t"] % 3_600_000 for bar in hours} == {0}
        assert sum(bar["n"] for bar in hours) == day["n"]


def test_a_split_shows_in_raw_prices_only(advanced: Served) -> None:
    path = "/v2/aggs/ticker/NVDA/range/1/day/2018-01-02/2018-01-02?adjusted="
    (adjusted,), (raw,) = (advanced.get(path + flag).json()["results"] for flag in ("true", "false"))
    ratio = market.split_ratio(7, "NVDA", int(raw["t"]))
    assert ratio > 1
    assert raw["c"] == pytest.approx(adjusted["c"] * ratio)


def test_two_processes_see_the_same_market() -> None:
    code = (
        "from datetime import date; from local.sandbox import market;"
        "print([market.minutes(7, t, date(2026, 11, 19))[100:103] for t in ('AAPL', 'BACpL')],"
        "market.tick(7, 'MSFT', 1795186800000000))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}"}
    runs = {
        subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert len(set(tickers())) == 500
    assert set(KNOWN) <= set(tickers())


def test_quotes_stand_still_when_the_market_is_closed() -> None:
    saturday = int(datetime.fromisoformat("2026-11-21T15:00:00Z").timestamp()) * 1_000_000
    first, second = market.tick(7, "AAPL", saturday), market.tick(7, "AAPL", saturday + 60_000_000)
    assert first.bid == second.bid
    assert first.at_us <= int(datetime.fromisoformat("2026-11-21T01:00:00Z").timestamp()) * 1_000_000
