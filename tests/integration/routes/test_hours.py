"""The routes of the market's status and calendar, also when the market is closed out of turn."""

from typing import Any

import httpx
import pytest

from dekr.http.polygon.shapes import MarketNow, UpcomingDay
from dekr.models.reference import CalendarDay, MarketStatus
from tests.integration.routes.upstream import fails, upstream_answer
from tests.markets import Market
from tests.shapes import polygon_shaped, shaped
from tests.world import World

NOW, UPCOMING = "/v1/marketstatus/now", "/v1/marketstatus/upcoming"


def _closes(market: Market, **order: Any) -> None:
    market.upstream.post("/_control/market", json=order).raise_for_status()


def _status(market: Market) -> dict[str, Any]:
    found: dict[str, Any] = shaped(MarketStatus, market.world.get("/market-status", market.world.key()))
    return found


@pytest.mark.parametrize(
    ("moment", "session", "since", "next_change", "next_session"),
    [
        ("2026-11-20T15:00:00Z", "regular", "2026-11-20T14:30:00Z", "2026-11-20T21:00:00Z", "post"),
        ("2026-11-20T10:00:00Z", "pre", "2026-11-20T09:00:00Z", "2026-11-20T14:30:00Z", "regular"),
        ("2026-11-20T22:00:00Z", "post", "2026-11-20T21:00:00Z", "2026-11-21T01:00:00Z", "closed"),
        ("2026-11-22T15:00:00Z", "closed", "2026-11-21T01:00:00Z", "2026-11-23T09:00:00Z", "pre"),
        ("2026-11-26T15:00:00Z", "closed", "2026-11-26T01:00:00Z", "2026-11-27T09:00:00Z", "pre"),
        ("2026-11-27T17:30:00Z", "regular", "2026-11-27T14:30:00Z", "2026-11-27T18:00:00Z", "post"),
        ("2026-11-27T21:00:00Z", "post", "2026-11-27T18:00:00Z", "2026-11-27T22:00:00Z", "closed"),
    ],
)
def test_the_session_now_and_the_next_change(
    market: Market, moment: str, session: str, since: str, next_change: str, next_session: str
) -> None:
    market.to(moment)
    found = _status(market)
    assert (found["session"], found["open"]) == (session, session == "regular")
    assert [found[name][:19] + "Z" for name in ("since", "next_change")] == [since, next_change]
    assert found["next_session"] == next_session
    assert (found["unplanned"], found["known"], found["source"]) == (False, True, "calendar and upstream")
    assert found["time"].startswith(moment[:16])


def test_a_closure_out_of_turn(market: Market) -> None:
    _closes(market, closed=True)
    found = _status(market)
    assert (found["session"], found["open"], found["unplanned"]) == ("closed", False, True)
    assert (found["since"], found["next_change"], found["next_session"]) == (None, None, None)
    _closes(market, closed=False)
    market.later(31)
    assert _status(market)["session"] == "regular"


def test_a_closed_market_is_not_closed_out_of_turn_at_night(night: Market) -> None:
    _closes(night, closed=True)
    found = _status(night)
    assert (found["session"], found["unplanned"]) == ("closed", False)


def test_what_was_said_in_one_session_is_not_believed_in_the_next(market: Market) -> None:
    market.to("2026-11-20T14:29:50Z")
    _closes(market, closed=True)
    assert _status(market)["unplanned"] is True
    _closes(market, closed=False)
    market.to("2026-11-20T14:30:01Z")
    found = _status(market)
    assert (found["session"], found["source"]) == ("regular", "calendar and upstream")


def test_an_upstream_that_repeats_what_was_true_before_is_not_believed(world: World) -> None:
    old = {"market": "closed", "serverTime": "2026-11-20T03:59:00-05:00", "exchanges": {}}
    world.upstream.answer = lambda _: httpx.Response(200, json=old)
    found = world.get("/market-status", world.key()).json
    assert (found["session"], found["unplanned"], found["source"]) == ("regular", False, "calendar")


def test_without_the_upstream_the_calendar_answers_alone(market: Market) -> None:
    fails(market)
    found = _status(market)
    assert (found["session"], found["source"], found["unplanned"]) == ("regular", "calendar", False)
    days = shaped(list[CalendarDay], market.world.get("/market-calendar", market.world.key()))
    assert [day["date"] for day in days if day["status"] != "open"][:3] == ["2026-11-21", "2026-11-22", "2026-11-26"]


def test_past_the_end_of_the_calendar_nothing_is_guessed(market: Market) -> None:
    market.world.to("2028-03-01T15:00:00Z")
    found = _status(market)
    assert (found["known"], found["next_change"]) == (False, None)
    answer = market.world.get("/market-calendar", market.world.key())
    assert (answer.status, answer.json["field"]) == (422, "from")
    assert "calendar" in answer.json["detail"]


def test_past_the_end_of_the_calendar_weekends_are_still_closed(market: Market) -> None:
    market.to("2028-03-04T18:00:00Z")
    found = _status(market)
    assert (found["session"], found["open"], found["unplanned"], found["known"]) == ("closed", False, False, False)
    quote = market.world.get("/quote/AAPL", market.world.key())
    assert quote.status == 200
    market.later(3_600)
    assert market.world.get("/quote/AAPL", market.world.key()).headers["Cache-Status"].startswith("dekr; hit")


def test_the_calendar_of_a_range(market: Market) -> None:
    path = "/market-calendar?from=2026-11-25&to=2026-11-28"
    days = shaped(list[CalendarDay], market.world.get(path, market.world.key()))
    assert [(day["date"], day["status"]) for day in days] == [
        ("2026-11-25", "open"),
        ("2026-11-26", "closed"),
        ("2026-11-27", "early_close"),
        ("2026-11-28", "closed"),
    ]
    assert [days[i]["name"] for i in (1, 2)] == ["Thanksgiving", "Thanksgiving"]
    times = [days[2][name] for name in ("pre_open", "open", "close", "post_close")]
    assert [moment[:16] for moment in times] == [f"2026-11-27T{time}" for time in ("09:00", "14:30", "18:00", "22:00")]
    assert {days[1][name] for name in ("pre_open", "open", "close", "post_close")} == {None}


def test_a_day_that_is_declared_closed_shows_in_the_calendar(market: Market) -> None:
    _closes(market, closed_day="2026-12-02", name="Day of mourning")
    path = "/market-calendar?from=2026-12-01&to=2026-12-03"
    days = shaped(list[CalendarDay], market.world.get(path, market.world.key()))
    assert [day["status"] for day in days] == ["open", "closed", "open"]
    assert (days[1]["unplanned"], days[1]["name"], days[1]["open"]) == (True, "Day of mourning", None)
    assert not days[0]["unplanned"]


def test_the_calendar_begins_today_in_new_york_and_ends_a_month_later(market: Market) -> None:
    market.to("2026-11-21T03:00:00Z")  # still Friday there
    days = market.world.get("/market-calendar", market.world.key()).json
    assert (days[0]["date"], days[-1]["date"], len(days)) == ("2026-11-20", "2026-12-20", 31)
    (day,) = market.world.get("/market-calendar?to=2026-11-19", market.world.key()).json
    assert day["date"] == "2026-11-19"


def test_one_call_serves_the_calendar_of_everybody(market: Market) -> None:
    for tier in (1, 7):
        key = market.world.key(tier, f"user{tier}")
        for path in ("/market-calendar", "/market-calendar?from=2025-01-01&to=2025-12-31", UPCOMING):
            assert market.world.get(path, key).status == 200
    assert market.calls == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-12-02&to=2026-12-01", "from"),
        ("from=2026-01-01&to=2027-06-01", "from"),
        ("from=2002-12-31", "from"),
        ("from=2028-01-03", "from"),
        ("to=2028-01-01", "to"),
        ("from=tomorrow", "from"),
        ("from=20261120", "from"),
        ("from=2026-W47-5", "from"),
        ("from=2026-02-30", "from"),
        ("from=", "from"),
        ("day=2026-11-20", "day"),
    ],
)
def test_a_range_that_breaks_a_rule_makes_no_upstream_call(market: Market, query: str, field: str) -> None:
    answer = market.world.get(f"/market-calendar?{query}", market.world.key())
    assert (answer.status, answer.json["field"]) == (422, field)
    assert market.calls == 0


def test_polygons_state_of_the_markets_is_polygons_own(night: Market) -> None:
    key = night.world.key()
    now, theirs = polygon_shaped(MarketNow, night.world.get(NOW, key)), upstream_answer(night, NOW)
    assert {**now, "serverTime": theirs["serverTime"]} == theirs
    assert now["serverTime"][:16] == theirs["serverTime"][:16]
    assert polygon_shaped(list[UpcomingDay], night.world.get(UPCOMING, key)) == upstream_answer(night, UPCOMING)


def test_the_status_of_one_dialect_serves_the_other(market: Market) -> None:
    key = market.world.key()
    _status(market)
    assert market.world.get(NOW, key).headers["Cache-Status"].startswith("dekr; hit")
    assert market.calls == 1
    market.later(31)
    market.world.get(NOW, key)
    _status(market)
    assert market.calls == 2


def test_polygons_state_of_the_markets_is_an_error_while_the_upstream_fails(market: Market) -> None:
    fails(market)
    answer = market.world.get(NOW, market.world.key())
    assert (answer.status, set(answer.json)) == (503, {"status", "request_id", "error"})
