"""Where a range of bars begins and ends, how many bars a page of it holds, and what one page costs upstream.

The vendor's page on custom bars (https://massive.com/docs/rest/stocks/aggregates/custom-bars) and its clients are the source: a
range is stretched to whole windows, and ``get_aggs`` takes one page, whatever its ``next_url`` says.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from dekr.http.edge.edge import LONGEST_SENT
from dekr.http.edge.headers import compress
from tests.integration.routes.paging import followed
from tests.integration.routes.upstream import pages, upstream_answer
from tests.markets import Market
from tests.world import Answer, World

DAY_MS = 86_400_000
GZIP = {"accept-encoding": "gzip"}
BEGINNINGS = ("1970-01-01", "1969-12-31", "0001-01-01", "0", "-62135596800000", "18000000")
"""The beginning of the history as clients write it: New York's midnight of 1970 and the zero time of Go are among them."""


def ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp() * 1000)


def sessions_of(ticker: str, listed: str, every: int = 1) -> "Any":
    """An upstream on which a ticker has a bar at every so many minutes from 14:30 to 21:00 UTC of each day since it was listed."""

    def answer(request: httpx.Request) -> httpx.Response:
        parts = request.url.path.split("/")
        first, last = max(int(parts[-2]), ms(listed)), min(int(parts[-1]), ms("2026-11-20T15:00:00"))
        starts: Iterator[int]
        if parts[-3] == "month":
            starts = iter([first // DAY_MS * DAY_MS])
        else:
            days = range(first // DAY_MS * DAY_MS, last + 1, DAY_MS)
            starts = (day + (14 * 60 + 30 + n) * 60_000 for day in days for n in range(0, 390, every))
        bars = [
            {
                "t": t,
                "o": 226.125,
                "h": 227,
                "l": 225.0625,
                "c": 226.5,
                "v": t // 60_000 % 99_991,
                "vw": 226.3141,
                "n": 97,
            }
            for t in starts
            if first <= t <= last
        ]
        return httpx.Response(200, json={"ticker": ticker, "status": "OK", "results": bars})

    return answer


def starts(answer: Answer) -> list[Any]:
    """The starts of an answer's bars, in its own dialect's form."""
    if isinstance(answer.json, list):
        return [bar["timestamp"] for bar in answer.json]
    return [bar["t"] for bar in answer.json.get("results", [])]


@pytest.mark.parametrize("since", BEGINNINGS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_range_from_before_the_history_is_all_of_it(night: Market, since: str, order: str) -> None:
    key = night.world.key()
    path = f"/v2/aggs/ticker/MSFT/range/1/month/{since}/2026-11-20"
    theirs = night.world.get(f"{path}?sort={order}", key)
    assert theirs.json["results"] == pages(night, path, sort=order)
    ours = night.world.get(f"/market-data/MSFT?timespan=month&from={since}&to=2026-11-20&sort={order}", key)
    assert len(ours.json) == theirs.json["resultsCount"] > 100
    values = night.world.get(f"/indicators/MSFT/sma?timespan=month&window=2&from={since}&sort={order}", key)
    assert len(values.json) == len(ours.json) - 1


@pytest.mark.parametrize("since", ["1970-01-01", "-3600000"])
def test_filters_of_indicators_and_ticks_take_the_beginning_too(night: Market, since: str) -> None:
    key = night.world.key()
    path = "/v1/indicators/sma/MSFT?timespan=month&window=2&limit=5000&order=asc"
    everything = night.world.get(path, key).json["results"]["values"]
    assert night.world.get(f"{path}&timestamp.gte={since}", key).json["results"]["values"] == everything
    assert night.world.get("/v3/trades/MSFT?timestamp.gte=1970-01-01&limit=2", key).json["results"]


FUTURE = [
    "/market-data/AAPL?from=2026-11-21",
    "/market-data/AAPL?timespan=minute&from=1795276800000",
    "/market-data/AAPL?timespan=week&from=2026-11-21&to=2026-11-27",
    "/market-data/AAPL?from=2100-01-01&limit=5",
    "/indicators/AAPL/sma?from=2026-11-21",
    "/v2/aggs/ticker/AAPL/range/1/day/2026-11-21/2026-11-30",
    "/v2/aggs/ticker/AAPL/range/1/minute/2026-11-21/9999-12-31",
    "/v1/indicators/sma/AAPL?timestamp.gte=2026-11-21",
    "/v1/indicators/sma/AAPL?timestamp=2026-11-21",
    "/v3/trades/AAPL?timestamp.gte=2026-11-21",
    "/v3/quotes/AAPL?timestamp.gt=2026-11-21",
    "/v2/reference/news?published_utc.gt=2100-01-01",
    "/news?symbol=AAPL&published_after=2100-01-01T00:00:00Z",
]


@pytest.mark.parametrize("path", FUTURE)
def test_a_range_in_the_future_is_empty(market: Market, path: str) -> None:
    """East of New York the present day is in the future every night."""
    answer = market.world.get(path, market.world.key())
    assert answer.status == 200, answer.text
    found = answer.json if isinstance(answer.json, list) else answer.json.get("results", answer.json.get("articles"))
    values = found.get("values") if isinstance(found, dict) else found
    assert not values
    assert "next_url" not in answer.text
    assert "Link" not in answer.headers


def test_an_empty_future_is_fresh_until_it_begins(world: World) -> None:
    key = world.key()
    for path in ("/market-data/AAPL?from=2026-11-21", "/v2/aggs/ticker/AAPL/range/1/day/2026-11-21/2026-11-30"):
        world.get(path, key)
        world.later(3_600)
        answer = world.get(path, key)
        assert answer.headers["Age"] == "0"
        left_s = int(answer.headers["Cache-Control"].removeprefix("private, max-age="))
        assert 0 < left_s <= (ms("2026-11-21T05:00:00") - ms("2026-11-20T16:00:00")) // 1_000


def test_the_future_is_empty_on_a_plan_with_a_short_history(world: World) -> None:
    world.upstream.denied = {"range/1/month"}
    answer = world.get("/market-data/AAPL?from=2026-11-21", world.key())
    assert (answer.status, answer.json, answer.headers["Age"]) == (200, [], "0")


def test_no_bars_are_fetched_for_the_future(world: World) -> None:
    key = world.key()
    in_an_hour = ms("2026-11-20T16:00:00")
    for path in (
        "/market-data/AAPL?from=2026-11-21",
        "/v2/aggs/ticker/AAPL/range/1/minute/2026-11-21/2026-11-30",
        f"/market-data/AAPL?timespan=minute&from={in_an_hour}",
        f"/v2/aggs/ticker/AAPL/range/1/minute/{in_an_hour}/2026-11-30?sort=desc",
    ):
        answer = world.get(path, key)
        assert (answer.status, starts(answer)) == (200, [])
    assert [path.split("/")[-3] for path in world.upstream.calls] == [
        "month"
    ]  # whether the ticker has a history at all
    assert world.get("/market-data/NONE?from=2026-11-21", key).status == 404


@pytest.mark.parametrize(
    ("timespan", "inside"), [("week", "2026-11-18"), ("month", "2026-11-18"), ("year", "2026-06-03")]
)
@pytest.mark.parametrize("multiplier", [1, 2])
def test_the_window_that_a_range_begins_in_belongs_to_it(
    night: Market, timespan: str, inside: str, multiplier: int
) -> None:
    key = night.world.key()
    theirs = upstream_answer(night, f"/v2/aggs/ticker/AAPL/range/{multiplier}/{timespan}/{inside}/2026-11-20")[
        "results"
    ]
    query = f"timespan={timespan}&multiplier={multiplier}&from={inside}&to=2026-11-20"
    ours = night.world.get(f"/market-data/AAPL?{query}", key).json
    assert [(ms(bar["timestamp"][:19]), bar["close"]) for bar in ours] == [(bar["t"], bar["c"]) for bar in theirs]
    assert len(ours) == 1
    values = night.world.get(f"/indicators/AAPL/sma?{query}&window=1", key).json
    assert [(value["timestamp"], value["value"]) for value in values] == [
        (bar["timestamp"], bar["close"]) for bar in ours
    ]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_years_of_minutes_come_page_by_page_and_each_fetches_what_it_holds(world: World, order: str) -> None:
    key = world.key()
    world.upstream.answer = sessions_of("AAPL", "2019-03-01")
    path = f"/v2/aggs/ticker/AAPL/range/1/minute/1970-01-01/2026-11-20?sort={order}&limit=50000"
    world.get("/v2/aggs/ticker/AAPL/range/1/month/1970-01-01/2026-11-20", key)  # where the history begins
    world.upstream.calls.clear()
    requested: list[tuple[int, int]] = []
    met: list[int] = []
    for number, answer in enumerate(followed(world, path, key, headers=GZIP)):
        assert answer.json["resultsCount"] == 50_000
        requested += [(int(call.split("/")[-2]), int(call.split("/")[-1])) for call in world.upstream.calls]
        assert len(world.upstream.calls) <= 3
        world.upstream.calls.clear()
        met += starts(answer)
        if number == 2:
            break
    assert len(set(met)) == 150_000
    assert met == sorted(met, reverse=order == "desc")
    first = ms("2019-03-01T14:30:00") if order == "asc" else ms("2026-11-20T15:00:00")
    assert met[0] == first
    # 150 000 bars are 385 days of seven years.
    assert max(last for _, last in requested) - min(begin for begin, _ in requested) < 3 * 200 * DAY_MS


@pytest.mark.parametrize(
    "path",
    [
        "/indicators/AAPL/sma?timespan=minute&from=1970-01-01",
        "/v1/indicators/sma/AAPL?timespan=minute&timestamp.gte=1970-01-01&order=asc&limit=5000",
        "/v1/indicators/sma/AAPL?timespan=minute&timestamp.gte=1970-01-01&limit=5000",
    ],
)
def test_years_of_an_indicator_come_page_by_page_too(world: World, path: str) -> None:
    key = world.key()
    world.upstream.answer = sessions_of("AAPL", "2019-03-01")
    met: list[Any] = []
    for number, answer in enumerate(followed(world, path, key)):
        values = answer.json if isinstance(answer.json, list) else answer.json["results"]["values"]
        assert len(values) == 5_000
        assert len(world.upstream.calls) <= 3
        world.upstream.calls.clear()
        met += [value["timestamp"] for value in values]
        if number == 2:
            break
    assert len(set(met)) == 15_000
    assert met in (sorted(met), sorted(met, reverse=True))


def test_a_window_that_begins_before_the_history_belongs_to_it(world: World) -> None:
    """A ticker that is listed in 2020 has a bar of the three years from 2018 on, which lies in another segment."""
    begun, listed = ms("2018-01-01T05:00:00"), ms("2020-02-03T05:00:00")

    def answer(request: httpx.Request) -> httpx.Response:
        first, last = map(int, request.url.path.split("/")[-2:])
        start = listed if "/month/" in request.url.path else begun
        bars = [{"t": start, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}] if first <= listed and begun <= last else []
        return httpx.Response(200, json={"ticker": "NEWW", "status": "OK", "results": bars})

    world.upstream.answer = answer
    key = world.key()
    for path in (
        "/v2/aggs/ticker/NEWW/range/3/year/1970-01-01/2020-12-31",
        "/v2/aggs/ticker/NEWW/range/3/year/1970-01-01/2020-12-31?sort=desc",
    ):
        assert starts(world.get(path, key)) == [begun]


def test_a_quiet_ticker_is_not_read_day_by_day(world: World) -> None:
    world.upstream.answer = sessions_of("QUIE", "2004-01-02", every=390)
    answer = world.get("/v2/aggs/ticker/QUIE/range/1/minute/2004-01-01/2026-11-20?limit=50000", world.key())
    assert answer.json["resultsCount"] > 5_000
    assert starts(answer) == sorted(set(starts(answer)))
    assert len(world.upstream.calls) <= 16


@pytest.mark.parametrize(
    "path",
    [
        "/v2/aggs/ticker/AAPL/range/1/minute/2026-04-20/2026-11-20?limit=50000&sort=desc",
        "/v2/aggs/ticker/AAPL/range/1/minute/2026-04-20/2026-11-20?limit=50000",
        "/market-data/AAPL?timespan=minute&from=2026-04-20&to=2026-11-20",
        "/market-data/AAPL?timespan=minute&limit=50000",
    ],
)
def test_fifty_thousand_bars_are_one_answer_for_who_takes_gzip(world: World, path: str) -> None:
    """``get_aggs`` of the vendor's clients sends ``Accept-Encoding: gzip`` and takes the first page for all there is."""
    key = world.key()
    world.upstream.answer = sessions_of("AAPL", "2019-03-01")
    whole = world.get(path, key, headers=GZIP)
    assert len(starts(whole)) == 50_000
    plain = list(followed(world, path, key))
    assert all(len(answer.text.encode()) <= LONGEST_SENT for answer in plain)
    assert [start for answer in plain for start in starts(answer)][:50_000] == starts(whole)
    assert len(starts(plain[0])) > 20_000


def test_the_bars_behind_the_longest_window_are_one_answer_for_who_takes_gzip(world: World) -> None:
    world.upstream.answer = sessions_of("AAPL", "2019-03-01")
    key = world.key()
    path = "/v1/indicators/rsi/AAPL?timespan=minute&window=1000&expand_underlying=true"
    refused = world.get(path, key)
    assert (refused.status, refused.json["error"]) == (
        400,
        "expand_underlying: an answer without gzip holds 20000 bars at most; this one needs 37729",
    )
    assert world.upstream.calls == []
    answer = world.get(path, key, headers=GZIP)
    assert len(answer.json["results"]["underlying"]["aggregates"]) >= 37_729
    assert len(answer.json["results"]["values"]) == 10


def test_the_longest_page_can_be_sent(world: World) -> None:
    """Bars with more digits than any that the vendor documents, in both dialects."""
    digits = iter(range(10**9))

    def price(low: float) -> float:
        return round(low + next(digits) * 2_654_435_761 % 2**32 / 2**32, 6)

    def answer(request: httpx.Request) -> httpx.Response:
        first, last = map(int, request.url.path.split("/")[-2:])
        at = (
            t for t in range(-(-first // 60_000) * 60_000, last + 1, 60_000) if 14 * 60 <= t // 60_000 % 1_440 < 21 * 60
        )
        bars = [
            {"t": t, "o": price(2_000), "h": price(2_002), "l": price(1_998), "c": price(2_000), "v": price(10**7)}
            | {"vw": price(2_000), "n": next(digits) * 7_919 % 10**6}
            for t in at
        ]
        return httpx.Response(200, json={"ticker": "AAPL", "status": "OK", "results": bars})

    world.upstream.answer = answer
    key = world.key()
    for path in (
        "/v2/aggs/ticker/AAPL/range/1/minute/2026-01-01/2026-09-01?limit=50000",
        "/market-data/AAPL?timespan=minute&from=2026-01-01&to=2026-09-01",
    ):
        whole = world.get(path, key, headers=GZIP)
        assert len(starts(whole)) == 50_000
        sent: dict[str, Any] = {"body": whole.text, "isBase64Encoded": False, "headers": {}}
        compress(sent, {"accept-encoding": "gzip"})
        assert len(sent["body"]) < LONGEST_SENT
