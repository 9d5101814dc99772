"""The control routes count calls and drive the clock."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.contract.sandbox.conftest import Running
from tests.patience import HANG_S

STATUS = "/v1/marketstatus/now"


def now(running: Running) -> datetime:
    return datetime.fromisoformat(running.http.get("/_control/clock").json()["now"])


def test_calls_are_counted_by_path_refused_and_faulted_ones_too(advanced: Running) -> None:
    advanced.get("/v2/last/nbbo/AAPL")
    advanced.get("/v3/snapshot", **{"ticker.any_of": "AAPL"})
    advanced.get("/v3/snapshot", **{"ticker.any_of": "MSFT"})
    httpx.get(f"{advanced.http.base_url}{STATUS}", timeout=HANG_S)
    advanced.fault("500_html", match=STATUS, count=1)
    advanced.http.get(STATUS)
    expected = {"/v2/last/nbbo/AAPL": 1, "/v3/snapshot": 2, STATUS: 2}
    assert advanced.http.get("/_control/calls").json() == {"total": 5, "by_path": expected}
    assert advanced.http.delete("/_control/calls").json() == {"total": 0, "by_path": {}}
    assert advanced.http.get("/_control/calls").json() == {"total": 0, "by_path": {}}


def test_the_control_routes_need_no_key(advanced: Running) -> None:
    for path in ("calls", "faults", "clock", "market"):
        assert httpx.get(f"{advanced.http.base_url}/_control/{path}", timeout=HANG_S).status_code == 200


def test_the_clock_is_set_and_goes_on(advanced: Running) -> None:
    answer = advanced.http.post("/_control/clock", json={"now": "2026-11-20T10:30:00-05:00"}).json()
    first = datetime.fromisoformat(answer["now"])
    assert first >= datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    assert answer["now"].endswith("Z")
    assert now(advanced) > first


def test_the_clock_is_advanced_from_where_it_is(advanced: Running) -> None:
    advanced.http.post("/_control/clock", json={"now": "2026-11-20T15:30:00Z"})
    answer = advanced.http.post("/_control/clock", json={"advance_s": 3_600.5}).json()
    assert datetime.fromisoformat(answer["now"]) >= datetime(2026, 11, 20, 16, 30, 0, 500_000, tzinfo=UTC)
    answer = advanced.http.post("/_control/clock", json={"advance_s": -7_200}).json()
    assert datetime.fromisoformat(answer["now"]) < datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def test_every_answer_is_dated_by_the_clock(advanced: Running) -> None:
    advanced.at("2024-02-29T12:00:00Z")
    for path in (STATUS, "/none", "/_control/calls", "/v2/last/nbbo/NOSUCH"):
        dates = advanced.http.get(path).headers.get_list("date")
        assert [parsedate_to_datetime(date).date().isoformat() for date in dates] == ["2024-02-29"]


@pytest.mark.parametrize(
    "order",
    [
        {},
        [],
        {"now": "2026-11-20T15:30:00Z", "advance_s": 1},
        {"now": "2026-11-20T15:30:00"},
        {"now": "noon"},
        {"now": 5},
        {"now": "1999-01-01T00:00:00Z"},
        {"advance_s": "60"},
        {"advance_s": True},
        {"advance_s": 1e300},
        {"advance_s": -1e10},
    ],
)
def test_orders_that_make_no_sense_leave_the_clock_alone(advanced: Running, order: object) -> None:
    response = advanced.http.post("/_control/clock", json=order)
    assert response.status_code == 400
    assert response.json()["error"]
    assert now(advanced).date().isoformat() == "2026-11-20"


def test_a_body_that_is_no_json(advanced: Running) -> None:
    for path in ("clock", "faults", "market"):
        response = advanced.http.post(f"/_control/{path}", content=b"{now")
        assert (response.status_code, response.json()) == (400, {"error": "the body must be JSON"})
