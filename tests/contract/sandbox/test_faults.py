"""Injected faults fail calls in exactly the ways that the control route names."""

import asyncio
import json
import threading
import time
from typing import Any

import httpx
import pytest

from local.sandbox.faults import KINDS, MAX_SECONDS, parse_fault
from local.sandbox.server import serving
from local.sandbox.state import KEY, Sandbox
from tests.contract.sandbox.conftest import Running
from tests.contract.sandbox.test_refusals import DAYS, refused
from tests.patience import HANG_S

QUOTE = "/v2/last/nbbo/AAPL"
SNAPSHOT = "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL"
HOUR_US = 3_600 * 1_000_000
GIVE_UP_S = 0.2
"""After this time the client of an answer that never comes goes away."""


@pytest.mark.parametrize("kind", ["401", "403", "429"])
def test_refusals_are_the_real_ones(advanced: Running, kind: str) -> None:
    advanced.fault(kind, match="/v2/last")
    body = refused(advanced.http.get(QUOTE), int(kind))
    assert body["status"] == ("NOT_AUTHORIZED" if kind == "403" else "ERROR")
    assert advanced.http.get(DAYS).status_code == 200


def test_a_server_error_is_html(advanced: Running) -> None:
    advanced.fault("500_html")
    response = advanced.http.get(QUOTE)
    assert (response.status_code, response.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "<html>" in response.text


def test_a_fault_is_used_up(advanced: Running) -> None:
    advanced.fault("500_html", count=2)
    assert [advanced.http.get(QUOTE).status_code for _ in range(3)] == [500, 500, 200]
    assert advanced.http.get("/_control/faults").json() == {"faults": []}


def test_a_fault_without_a_count_stands_until_it_is_deleted(advanced: Running) -> None:
    advanced.fault("500_html", match=DAYS)
    assert [advanced.http.get(DAYS).status_code for _ in range(3)] == [500] * 3
    listed = {"faults": [{"kind": "500_html", "match": DAYS, "count": None}]}
    assert advanced.http.get("/_control/faults").json() == listed
    assert advanced.http.delete("/_control/faults").json() == {"faults": []}
    assert advanced.http.get(DAYS).status_code == 200


def test_malformed_is_200_with_broken_json(advanced: Running) -> None:
    advanced.fault("malformed")
    for path in (QUOTE, DAYS, SNAPSHOT, "/v1/marketstatus/upcoming"):
        response = advanced.http.get(path)
        assert response.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            response.json()


def test_truncated_ends_before_its_content_length(advanced: Running) -> None:
    advanced.fault("truncated", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        advanced.http.get(QUOTE)
    assert advanced.http.get(QUOTE).status_code == 200


def test_wrong_ticker_has_the_right_shape(advanced: Running) -> None:
    right = advanced.get(DAYS), advanced.get(QUOTE), advanced.get(SNAPSHOT)
    advanced.fault("wrong_ticker")
    wrong = advanced.get(DAYS), advanced.get(QUOTE), advanced.get(SNAPSHOT)
    assert (wrong[0]["ticker"], wrong[1]["results"]["T"], wrong[2]["ticker"]["ticker"]) == ("MSFT", "MSFT", "MSFT")
    assert [shape(body) for body in wrong] == [shape(body) for body in right]


def test_future_is_an_hour_ahead(advanced: Running) -> None:
    advanced.fault("future")
    now_us = advanced.sandbox.clock.now_us()
    newest = [
        advanced.get(QUOTE)["results"]["t"] // 1000,
        advanced.get(DAYS)["results"][-1]["t"] * 1000,
        advanced.get(SNAPSHOT)["ticker"]["updated"] // 1000,
    ]
    for time_us in newest:
        assert now_us + HOUR_US - 1_000 <= time_us <= advanced.sandbox.clock.now_us() + HOUR_US


def test_a_broken_item_is_one_of_its_list(advanced: Running) -> None:
    path = "/v2/snapshot/locale/us/markets/stocks/tickers?tickers=AAPL,MSFT,TSLA"
    right = advanced.get(DAYS)["results"], advanced.get(path)["tickers"]
    advanced.fault("broken_item")
    wrong = advanced.get(DAYS)["results"], advanced.get(path)["tickers"]
    for good, bad in zip(right, wrong, strict=True):
        middle = len(good) // 2
        assert [place for place, item in enumerate(bad) if item != good[place]] == [middle]
        assert {name for name, value in bad[middle].items() if value not in ("broken", 0)} <= {"ticker"}
    assert wrong[1][1]["ticker"] == right[1][1]["ticker"]
    assert "broken" not in advanced.get(QUOTE)["results"].values()


def test_a_doubled_item_comes_twice(advanced: Running) -> None:
    right = advanced.get(DAYS)["results"]
    advanced.fault("doubled_item")
    wrong = advanced.get(DAYS)["results"]
    middle = len(right) // 2
    assert wrong == [*right[: middle + 1], *right[middle:]]


def test_empty_is_an_envelope(advanced: Running) -> None:
    advanced.fault("empty")
    body = advanced.get(DAYS)
    assert (body["ticker"], body["resultsCount"], body["queryCount"], body["count"]) == ("AAPL", 0, 0, 0)
    assert "results" not in body
    assert set(advanced.get(QUOTE)) == set(advanced.get(SNAPSHOT)) == {"status", "request_id"}
    assert advanced.get("/v1/marketstatus/upcoming") == []


def test_slow_is_answered_in_the_end(advanced: Running) -> None:
    advanced.fault("slow", match=QUOTE, seconds=0.2)
    assert advanced.http.get(QUOTE).status_code == 200


def test_slow_holds_nobody_else_up() -> None:
    sandbox = Sandbox()
    sandbox.faults.standing.append(parse_fault({"kind": "slow", "match": QUOTE, "seconds": MAX_SECONDS}))
    ends: list[tuple[str, int]] = []

    def request(path: str) -> None:
        answer = httpx.get(f"{url}{path}", params={"apiKey": KEY}, timeout=HANG_S)
        ends.append((path, answer.status_code))

    with serving(sandbox) as url:
        slow = threading.Thread(target=request, args=(QUOTE,))
        slow.start()
        while not sandbox.calls[QUOTE]:
            time.sleep(0.005)
        request(DAYS)
    # What is held back ends with the server.
    slow.join()
    assert ends == [(DAYS, 200), (QUOTE, 200)]


def test_hang_ends_when_the_client_goes_away(advanced: Running) -> None:
    advanced.fault("hang", count=1)
    with pytest.raises(httpx.ReadTimeout):
        advanced.http.get(QUOTE, timeout=httpx.Timeout(HANG_S, read=GIVE_UP_S))
    assert advanced.http.get(QUOTE).status_code == 200


def test_hang_and_latency_do_not_keep_the_server_from_stopping() -> None:
    sandbox = Sandbox(latency_s=3_600)
    failures: list[type[Exception]] = []

    def request(url: str) -> None:
        try:
            httpx.get(f"{url}{QUOTE}", timeout=HANG_S)
        except httpx.RemoteProtocolError as error:
            failures.append(type(error))

    with serving(sandbox) as url:
        httpx.post(f"{url}/_control/faults", json={"kind": "hang"}, timeout=HANG_S).raise_for_status()
        requesting = threading.Thread(target=request, args=(url,))
        requesting.start()
        while not sandbox.calls.total():
            pass
    requesting.join()
    assert failures == [httpx.RemoteProtocolError]


def test_latency_does_not_block_others() -> None:
    async def requests() -> list[int]:
        async with httpx.AsyncClient(base_url=url, params={"apiKey": KEY}, timeout=HANG_S) as client:
            responses = await asyncio.gather(*(client.get(QUOTE) for _ in range(50)))
        return [response.status_code for response in responses]

    sandbox = Sandbox(latency_s=5)
    with serving(sandbox) as url:
        # One after the other they would take twice as long as this waits.
        assert asyncio.run(asyncio.wait_for(requests(), HANG_S)) == [200] * 50


@pytest.mark.parametrize(
    ("order", "named"),
    [
        ({}, "kind"),
        ([], "object"),
        ({"kind": "418"}, "kind"),
        ({"kind": "429", "matches": "/"}, "object"),
        ({"kind": "429", "match": "v2"}, "match"),
        ({"kind": "429", "count": 0}, "count"),
        ({"kind": "429", "count": True}, "count"),
        ({"kind": "429", "count": 1.5}, "count"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
        ({"kind": "slow", "seconds": "2"}, "seconds"),
    ],
)
def test_orders_that_make_no_sense(advanced: Running, order: object, named: str) -> None:
    response = advanced.http.post("/_control/faults", json=order)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert advanced.http.get("/_control/faults").json() == {"faults": []}


def test_every_kind_is_accepted(advanced: Running) -> None:
    for kind in KINDS:
        advanced.fault(kind, match="/none", count=1)
    listed = advanced.http.get("/_control/faults").json()["faults"]
    assert [fault["kind"] for fault in listed] == list(KINDS)
    assert {"kind": "slow", "match": "/none", "count": 1, "seconds": 2} in listed


def shape(body: Any) -> Any:
    """Return the names and types in a JSON body."""
    if isinstance(body, dict):
        return {name: shape(value) for name, value in body.items() if name != "request_id"}
    if isinstance(body, list):
        return [shape(item) for item in body[:1]]
    return isinstance(body, str)
