"""Errors reach the vendor's clients as their documentation says."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from urllib3.exceptions import MaxRetryError

from tests.e2e.clients.conftest import Connect, Host, Package
from tests.e2e.stacks import LocalCloud
from tests.patience import HANG_S

type Call = Callable[[Any], Any]

OFTEN = 60
"""More calls than the lowest tier has at once, even where each takes a second."""

BAD: dict[str, Call] = {
    "timespan": lambda client: client.get_aggs("AAPL", 1, "fortnight", "2025-11-10", "2025-11-21"),
    "multiplier": lambda client: client.get_aggs("AAPL", 0, "day", "2025-11-10", "2025-11-21"),
    "order of the days": lambda client: client.get_aggs("AAPL", 1, "day", "2025-11-21", "2025-11-10"),
    "date": lambda client: client.get_aggs("AAPL", 1, "day", "2025-11-31", "2025-12-02"),
    "order of quotes": lambda client: list(client.list_quotes("AAPL", order="sideways")),
    "cursor": lambda client: list(client.list_quotes("AAPL", params={"cursor": "tampered"})),
    "window of 0": lambda client: client.get_sma("AAPL", window=0),
    "window": lambda client: client.get_rsi("AAPL", window=10_000),
    "series": lambda client: client.get_ema("AAPL", series_type="colour"),
    "limit": lambda client: list(client.list_tickers(limit=0)),
    "number of snapshots": lambda client: list(
        client.list_universal_snapshots(ticker_any_of=[f"AAA{number}" for number in range(251)])
    ),
}


def test_wrong_key(connect: Connect, host: Host, package: Package) -> None:
    stranger = connect(Host(host.url, "not-a-key"))

    for call in (stranger.get_market_status, lambda: stranger.get_last_quote("AAPL")):
        with pytest.raises(package.bad_response) as caught:
            call()
        body = json.loads(str(caught.value))
        assert (body["status"], body["error"]) == ("ERROR", "Unknown API Key")
        assert body["request_id"]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_last_quote("NOSUCH"),
        lambda client: client.get_last_trade("NOSUCH"),
        lambda client: client.get_snapshot_ticker("stocks", "NOSUCH"),
    ],
    ids=["quote", "trade", "snapshot"],
)
def test_unknown_ticker(client: Any, package: Package, call: Call) -> None:
    with pytest.raises(package.bad_response) as caught:
        call(client)
    body = json.loads(str(caught.value))
    assert (body["status"], body["request_id"] != "") == ("NOT_FOUND", True)
    assert body["message"]


@pytest.mark.parametrize("what", BAD)
def test_bad_parameter(client: Any, package: Package, what: str) -> None:
    with pytest.raises(package.bad_response) as caught:
        BAD[what](client)
    body = json.loads(str(caught.value))
    assert body["status"] == "ERROR"
    assert body["error"] and body["request_id"]


def test_no_bad_parameter_costs_a_call(
    connect: Connect, dekr: Host, package: Package, calls: Callable[[], int]
) -> None:
    client, before = connect(dekr), calls()

    for call in BAD.values():
        with pytest.raises(package.bad_response):
            call(client)

    assert calls() == before


@pytest.mark.usefixtures("clean_slate")
@pytest.mark.parametrize("kind", ["list_quotes", "list_trades"])
def test_what_the_plan_does_not_include(client: Any, package: Package, upstream: Host, kind: str) -> None:
    _fault(upstream, "403", f"/v3/{kind.removeprefix('list_')}")

    with pytest.raises(package.bad_response) as caught:
        list(getattr(client, kind)("GOOG", limit=5, params={"timestamp.lt": "2025-11-19"}))
    body = json.loads(str(caught.value))
    assert body["status"] == "NOT_AUTHORIZED"
    assert body["message"] and body["request_id"]


@pytest.mark.usefixtures("clean_slate")
def test_quote_that_the_plan_does_not_include_comes_from_the_snapshot(
    connect: Connect, dekr: Host, upstream: Host
) -> None:
    _fault(upstream, "403", "/v2/last/nbbo")

    answer = connect(dekr).get_last_quote("DIS", raw=True)

    assert answer.headers["x-data-source"] == "snapshot"
    assert 0 < answer.json()["results"]["p"] < answer.json()["results"]["P"]


@pytest.mark.usefixtures("clean_slate")
def test_client_that_waits_until_retry_after_gets_its_answer(cloud: LocalCloud, connect: Connect) -> None:
    client = connect(Host(cloud.said["http"], cloud.said["api_keys"]["1"]))
    answers = (client.get_market_status(raw=True) for _ in range(OFTEN))

    waited = next(answer for answer in answers if answer.retries.history)

    assert waited.status == 200
    assert {refused.status for refused in waited.retries.history} == {429}


@pytest.mark.usefixtures("clean_slate")
def test_client_that_does_not_wait_gets_the_reason(cloud: LocalCloud, connect: Connect) -> None:
    hasty = connect(Host(cloud.said["http"], cloud.said["api_keys"]["1"]), retries=0)

    with pytest.raises(MaxRetryError, match="429"):
        _call_often(hasty)

    refused = cloud.get("/v2/last/nbbo/AAPL", tier=1)
    assert refused.status_code == 429
    assert (refused.json()["status"], refused.json()["error"] != "") == ("ERROR", True)
    assert 1 <= int(refused.headers["retry-after"]) <= 2


@pytest.mark.usefixtures("clean_slate")
def test_one_failure_of_the_upstream_is_not_noticed(client: Any, upstream: Host) -> None:
    _fault(upstream, "500_html", "/v2/last/trade", count=1)

    assert client.get_last_trade("PFE").ticker == "PFE"


@pytest.mark.usefixtures("clean_slate")
def test_upstream_that_stays_down_is_tried_again_and_then_given_up(
    connect: Connect, host: Host, upstream: Host
) -> None:
    _fault(upstream, "500_html", "/v")

    with pytest.raises(MaxRetryError, match=r"50[0-9] error responses"):
        connect(host, retries=1).get_last_trade("PEP")


def _call_often(client: Any) -> None:
    for _ in range(OFTEN):
        client.get_market_status()


def _fault(upstream: Host, kind: str, match: str, **more: int) -> None:
    order = {"kind": kind, "match": match, **more}
    httpx.post(f"{upstream.url}/_control/faults", json=order, trust_env=False, timeout=HANG_S).raise_for_status()
