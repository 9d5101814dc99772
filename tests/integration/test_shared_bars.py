"""Bars that readers of one ticker share: longer ones resampled from its minutes, the day's bar from its snapshot."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dekr.store.link import Link
from dekr.times import rfc3339_ms
from local.sandbox.faults import Fault
from tests.markets import Market, market
from tests.world import World

MINUTES = "/market-data/AAPL?timespan=minute&limit=100"
FIVES = "/market-data/AAPL?timespan=minute&multiplier=5&limit=100"
HOURS = "/market-data/AAPL?timespan=hour&limit=100"
DAYS = "/market-data/AAPL?limit=100"
TODAY_MS = 1_795_150_800_000
"""The beginning of 20 November 2026 in New York."""


@pytest.fixture
def friday(link: Link) -> Iterator[Market]:
    """The service on a market, an hour and a half before a Friday's close."""
    with market(link) as found:
        found.to("2026-11-20T19:30:00Z")
        yield found


def upstream(on: Market, multiplier: int, timespan: str, first: str) -> list[dict[str, Any]]:
    """The upstream's own bars since a day, as the service names them."""
    path = f"/v2/aggs/ticker/AAPL/range/{multiplier}/{timespan}/{first}/2026-11-30?limit=50000"
    names = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap", "n": "transactions"}
    return [
        {"symbol": "AAPL", "timestamp": rfc3339_ms(bar["t"])} | {long: bar[short] for short, long in names.items()}
        for bar in on.upstream.get(path).json()["results"]
    ]


def rounded(bars: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return bars whose vwap equals another within the rounding of minutes' own vwaps."""
    return [bar | {"vwap": pytest.approx(bar["vwap"], abs=1.01e-4, rel=0)} for bar in bars]


def spent(on: Market, path: str, key: str) -> int:
    """The number of upstream calls that the answer to a path takes."""
    before = on.calls
    answer = on.world.get(path, key)
    assert answer.status == 200, answer
    return on.calls - before


def test_one_refresh_of_minutes_serves_all_readers_of_bars_resampled_from_them(friday: Market) -> None:
    key = friday.world.key(7)
    for path in (MINUTES, FIVES, HOURS):
        spent(friday, path, key)
    for first, *others in ([MINUTES, FIVES, HOURS], [HOURS, MINUTES, FIVES], [FIVES, HOURS, MINUTES]) * 2:
        friday.later(31)
        assert spent(friday, first, key) == 1
        assert [spent(friday, path, key) for path in others] == [0, 0]


@pytest.mark.parametrize(("multiplier", "timespan"), [(5, "minute"), (15, "minute"), (1, "hour"), (4, "hour")])
def test_resampled_bars_are_the_upstreams_own(friday: Market, multiplier: int, timespan: str) -> None:
    key = friday.world.key(7)
    path = f"/market-data/AAPL?timespan={timespan}&multiplier={multiplier}&from=2026-11-18"
    friday.world.get(path, key)
    friday.later(600)
    friday.world.get(MINUTES, key)
    answer = friday.world.get(path, key)
    assert answer.headers["Cache-Status"].startswith("dekr; hit")
    assert answer.json == rounded(upstream(friday, multiplier, timespan, "2026-11-18"))


@pytest.mark.parametrize("path", [FIVES, HOURS, FIVES.replace("100", "5"), HOURS.replace("100", "5"), DAYS])
def test_a_reader_alone_pays_no_more_than_for_a_series_alone(friday: Market, path: str) -> None:
    """One call is made whenever the reader's age is over, two days long, and none at night."""
    key = friday.world.key(2)  # 15 minutes for bars of minutes and hours, an hour for days
    friday.to("2026-11-19T14:30:00Z")
    assert spent(friday, path, key) == 1
    step = 3601 if path == DAYS else 901
    for _ in range(6):
        friday.later(step)
        assert spent(friday, path, key) == 1
        assert spent(friday, path, key) == 0
    friday.to("2026-11-20T02:00:00Z")
    assert spent(friday, path, key) == 1
    friday.to("2026-11-20T04:30:00Z")
    assert spent(friday, path, key) == 0
    friday.to("2026-11-20T14:30:00Z")
    assert spent(friday, path, key) == 1


def test_readers_of_few_bars_need_nothing_but_the_day(friday: Market) -> None:
    key = friday.world.key(7)
    friday.world.get(MINUTES, key)
    assert spent(friday, "/market-data/AAPL?timespan=hour&limit=3", key) == 0
    assert spent(friday, HOURS, key) == 1


def test_a_ticker_that_has_not_traded_today_is_not_fetched_each_minute(world: World) -> None:
    def until_yesterday(request: httpx.Request) -> httpx.Response | None:
        first, last = (int(part) for part in request.url.path.split("/")[-2:])
        starts = range(-(-first // 3_600_000) * 3_600_000, min(last, TODAY_MS), 3_600_000)
        bars = [{"t": at, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1} for at in starts]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    key = world.key(1)  # an hour for bars of hours
    world.to("2026-11-20T15:00:00Z")
    world.upstream.answer = until_yesterday
    world.get(HOURS, key)
    for seconds, calls in ((3601, 2), (120, 2), (3000, 2), (500, 3)):
        world.later(seconds)
        world.get(HOURS, key)
        assert len(world.upstream.calls) == calls


def test_where_the_minutes_cannot_be_fetched_what_there_is_is_labelled(friday: Market) -> None:
    key = friday.world.key(7)
    before = friday.world.get(HOURS, key).json
    friday.later(60)
    friday.sandbox.faults.standing.append(Fault("500_html", "/v2/aggs", None, 0))
    answer = friday.world.get(HOURS, key)
    assert answer.headers["X-Data-Warning"].startswith("stale;")
    assert answer.json == before


def snapshot(on: Market) -> None:
    """Request the ticker's snapshot as another reader does."""
    on.world.get("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL", on.world.key(7, "other"))


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-20T09:00:00Z",
        "2026-11-20T09:06:00Z",
        "2026-11-20T14:30:01Z",
        "2026-11-20T17:45:12Z",
        "2026-11-20T20:59:59Z",
        "2026-11-21T00:30:00Z",
    ],
)
@pytest.mark.parametrize("adjusted", ["true", "false"])
def test_the_days_own_bar_is_that_of_its_snapshot(friday: Market, moment: str, adjusted: str) -> None:
    """From before the first trade to the end of the last session. A snapshot does not count transactions."""
    key = friday.world.key(7)
    path = f"{DAYS}&adjusted={adjusted}"
    friday.to("2026-11-20T09:00:00Z")  # the first moment of the first session
    friday.world.get(path, key)
    friday.to(moment)
    snapshot(friday)
    assert spent(friday, path, key) == 0
    found, own = friday.world.get(path, key).json, upstream(friday, 1, "day", "2026-07-01")[-100:]
    if own[-1]["timestamp"].startswith("2026-11-20"):
        own[-1]["transactions"] = None
    assert found == own


@pytest.mark.parametrize("moment", ["2026-11-20T19:33:00Z", "2026-11-21T01:25:00Z", "2026-11-21T06:00:00Z"])
def test_bars_that_are_young_enough_or_of_the_night_are_the_upstreams_own(friday: Market, moment: str) -> None:
    key = friday.world.key(7)
    friday.world.get(DAYS, key)
    friday.to(moment)
    expected = friday.world.get(DAYS, key).json
    friday.later(60)
    snapshot(friday)
    assert spent(friday, DAYS, key) == 0
    answer = friday.world.get(DAYS, key)
    assert (answer.json, answer.headers["X-Data-Source"]) == (expected, "aggregates")
    assert answer.json[-1]["transactions"] > 0


def test_a_snapshot_of_another_day_says_nothing_of_this_one(friday: Market) -> None:
    """At 03:29 in New York the upstream still has the day before."""
    key, path = friday.world.key(2), f"{DAYS}&adjusted=false"
    friday.to("2026-11-20T01:30:00Z")
    friday.world.get(path, key)
    friday.to("2026-11-20T08:29:00Z")
    snapshot(friday)
    friday.to("2026-11-20T09:00:01Z")
    assert spent(friday, path, key) == 1
    assert friday.world.get(path, key).json == upstream(friday, 1, "day", "2026-07-01")[-100:]


def test_a_snapshot_that_was_cleared_says_nothing_of_the_day_before(friday: Market) -> None:
    key, path = friday.world.key(7), f"{DAYS}&adjusted=false"
    friday.world.get(path, key)
    friday.to("2026-11-21T08:35:00Z")  # 03:35 in New York, on a Saturday
    snapshot(friday)
    assert spent(friday, path, key) == 1
    assert friday.world.get(path, key).json == upstream(friday, 1, "day", "2026-07-01")[-100:]


@pytest.mark.parametrize(("path", "since"), [(HOURS, "2026-11-09"), (DAYS, "2026-07-01")])
def test_a_day_that_was_not_over_is_fetched_again_whatever_is_known_of_the_next(
    friday: Market, path: str, since: str
) -> None:
    key, path = friday.world.key(7), f"{path}&adjusted=false"
    friday.world.get(path, key)
    friday.to("2026-11-23T15:00:00Z")
    friday.world.get(f"{MINUTES}&adjusted=false", key)
    snapshot(friday)
    assert spent(friday, path, key) == 1
    assert friday.world.get(path, key).json == upstream(friday, 1, "hour" if "hour" in path else "day", since)[-100:]


def test_what_is_served_never_goes_back(friday: Market) -> None:
    """After the close, minutes stay fresh four times as long. Older ones are not served to a reader who got newer hours."""
    key = friday.world.key(7)
    friday.to("2026-11-20T20:58:30Z")
    friday.world.get(MINUTES, key)
    friday.to("2026-11-20T20:59:30Z")
    newer = friday.world.get(HOURS, key).json
    friday.to("2026-11-20T21:00:01Z")
    assert spent(friday, HOURS, key) == 0
    assert friday.world.get(HOURS, key).json == newer


def test_a_snapshot_is_used_no_longer_than_the_readers_age(friday: Market) -> None:
    key = friday.world.key(7)
    friday.world.get(DAYS, key)
    friday.later(200)
    snapshot(friday)
    friday.later(299)
    assert spent(friday, DAYS, key) == 0
    friday.later(2)
    assert spent(friday, DAYS, key) == 1


def test_only_a_split_makes_settled_history_wrong(friday: Market) -> None:
    """One call a trading day says of all tickers that there was none."""
    key = friday.world.key(1)
    paths = [f"/market-data/{ticker}?from=2025-02-01&to=2025-06-01" for ticker in ("AAPL", "MSFT")]
    for path in paths:
        friday.world.get(path, key)
    friday.to("2026-11-23T15:00:00Z")
    assert [spent(friday, path, key) for path in paths * 2] == [1, 0, 0, 0]


@pytest.mark.parametrize("later", ["2024-06-10T15:00:00Z", "2024-06-26T15:00:00Z"])
def test_a_split_makes_settled_history_be_fetched_again(friday: Market, later: str) -> None:
    key, path = friday.world.key(1), "/market-data/NVDA?from=2024-02-01&to=2024-03-01"
    friday.to("2024-06-07T15:00:00Z")
    before = friday.world.get(path, key).json
    friday.to(later)
    after = friday.world.get(path, key).json
    assert [bar["volume"] for bar in after] == [10 * bar["volume"] for bar in before]


def test_what_a_day_had_before_it_was_over_grows_no_younger(friday: Market) -> None:
    """That there was no split says nothing of the day's last hours."""
    key = friday.world.key(1)  # a day for days
    friday.to("2026-11-19T19:30:00Z")
    friday.world.get(DAYS, key)
    friday.to("2026-11-20T10:00:00Z")
    assert friday.world.get(DAYS, key).json == upstream(friday, 1, "day", "2026-06-01")[-100:]


def test_without_the_list_of_splits_history_is_fetched_again(friday: Market) -> None:
    key, path = friday.world.key(1), "/market-data/AAPL?from=2025-02-01&to=2025-06-01"
    friday.world.get(path, key)
    friday.to("2026-11-23T15:00:00Z")
    friday.sandbox.faults.standing.append(Fault("403", "/v3/reference/splits", None, 0))
    answer = friday.world.get(path, key)
    assert answer.headers["Cache-Status"] == "dekr; fwd=miss; stored"
    assert "X-Data-Warning" not in answer.headers


def test_prices_of_two_scales_never_meet_however_bad_things_are(friday: Market) -> None:
    key, path = friday.world.key(1), "/market-data/NVDA?timespan=hour&limit=60"
    friday.to("2024-06-08T01:30:00Z")  # Friday, after the close; the split takes effect on Monday
    friday.world.get(path, key)
    friday.to("2024-06-10T15:00:00Z")
    friday.world.get("/market-data/NVDA?timespan=minute&limit=100", key)
    friday.sandbox.faults.standing.append(Fault("500_html", "/", None, 0))
    assert friday.world.get(path, key).status == 503
