"""The sandbox announces unscheduled closures of the market through its status answers."""

import pytest

from tests.contract.sandbox.conftest import Running


def order(running: Running, **body: object) -> object:
    response = running.http.post("/_control/market", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_market_is_closed_in_a_regular_session_until_that_is_taken_back(advanced: Running) -> None:
    assert order(advanced, closed=True) == {"closed": True, "closed_days": {}}
    found = advanced.official.get_market_status()
    assert (found.market, found.early_hours, found.after_hours) == ("closed", False, False)
    assert (found.exchanges.nyse, found.exchanges.nasdaq, found.exchanges.otc) == ("closed", "closed", "closed")
    (item,) = advanced.official.list_universal_snapshots(ticker_any_of=["AAPL"])
    assert item.market_status == "closed"
    order(advanced, closed=False)
    assert advanced.official.get_market_status().market == "open"


def test_a_closed_day_is_among_those_to_come_and_closed_when_it_comes(advanced: Running) -> None:
    before = advanced.official.get_market_holidays()
    order(advanced, closed_day="2026-12-02", name="Day of Mourning")
    order(advanced, closed_day="2026-11-27")
    found = [day for day in advanced.official.get_market_holidays() if day.exchange == "NASDAQ"]
    assert [(day.date, day.status, day.name, day.open) for day in found[:3]] == [
        ("2026-11-26", "closed", "Thanksgiving", None),
        ("2026-11-27", "closed", "Unscheduled closure", None),
        ("2026-12-02", "closed", "Day of Mourning", None),
    ]
    for moment, market in (("01T15", "open"), ("02T15", "closed"), ("03T15", "open")):
        advanced.at(f"2026-12-{moment}:00:00Z")
        assert advanced.official.get_market_status().market == market
    advanced.at("2026-11-20T15:00:00Z")
    assert advanced.http.delete("/_control/market").json() == {"closed": False, "closed_days": {}}
    assert advanced.official.get_market_holidays() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"closed": "yes"},
        {"closed": True, "closed_day": "2026-12-02"},
        {"closed_day": "tomorrow"},
        {"closed_day": "2026-12-02", "name": 5},
        {"closed_day": "2026-12-02", "until": "noon"},
    ],
)
def test_orders_that_make_no_sense_close_nothing(advanced: Running, body: object) -> None:
    response = advanced.http.post("/_control/market", json=body)
    assert response.status_code == 400
    assert response.json()["error"]
    assert advanced.http.get("/_control/market").json() == {"closed": False, "closed_days": {}}
