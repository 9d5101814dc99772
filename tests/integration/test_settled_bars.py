"""Bars of a finished day: whatever was read before, in the end they are those of the upstream, which corrects them for hours."""

import random
from collections.abc import Iterator
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekr.market.warming.warmer import Task
from dekr.store import Command
from dekr.store.link import Link
from local.sandbox.faults import Fault
from tests.markets import Market, market
from tests.oracle import bars_settled_from
from tests.patience import always, patient
from tests.redis_servers import RedisServer

SNAPSHOT = "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL"
FIRST_SESSION = "2026-11-20T09:00:00Z"
EVENING = "2026-11-21T01:30:00Z"
"""Friday, 20:30 in New York: its prices are final, its volumes are not."""

MONDAY = "2026-11-23T15:00:00Z"
LENGTHS = ("1/day", "1/hour", "4/hour", "5/minute", "15/minute", "1/minute")
FIELDS = {"t", "o", "h", "l", "c", "v", "vw", "n"}


@pytest.fixture
def friday(link: Link) -> Iterator[Market]:
    """The service on a market, in the middle of a Friday."""
    with market(link) as found:
        yield found


def path(length: str, *, first: str = "2026-11-19", last: str = "2026-11-20", adjusted: str = "true") -> str:
    return f"/v2/aggs/ticker/AAPL/range/{length}/{first}/{last}?limit=50000&adjusted={adjusted}"


def served(on: Market, requested: str, tier: int = 7) -> list[dict[str, object]]:
    answer = on.world.get(requested, on.world.key(tier, requested))
    assert answer.status == 200, answer
    bars: list[dict[str, object]] = answer.json["results"]
    return bars


def own(on: Market, requested: str) -> list[dict[str, object]]:
    """The upstream's own bars now."""
    bars: list[dict[str, object]] = on.upstream.get(requested).raise_for_status().json()["results"]
    return bars


def spent(on: Market, requested: str, tier: int = 7) -> int:
    before = on.calls
    served(on, requested, tier)
    return on.calls - before


def test_a_snapshot_takes_no_transactions_away(friday: Market) -> None:
    friday.world.get(path("1/day"), friday.world.key())
    friday.later(10)
    friday.world.get(SNAPSHOT, friday.world.key())
    assert all("n" in bar for bar in served(friday, path("1/day")))
    friday.to("2026-11-20T22:00:00Z")
    friday.world.get(path("1/day"), friday.world.key())
    friday.to(EVENING)
    friday.world.get(SNAPSHOT, friday.world.key())
    assert served(friday, path("1/day")) == own(friday, path("1/day"))
    friday.later(3600)
    friday.world.get(SNAPSHOT, friday.world.key())
    assert all("n" in bar for bar in served(friday, path("1/day")))


@pytest.mark.parametrize("adjusted", ["true", "false"])
@pytest.mark.parametrize("length", LENGTHS)
def test_bars_of_the_evening_are_fetched_once_more_when_they_are_settled(
    friday: Market, length: str, adjusted: str
) -> None:
    requested = path(length, adjusted=adjusted)
    friday.to(EVENING)
    evening = served(friday, requested)
    friday.to("2026-11-23T08:59:00Z")  # a minute before the first session
    assert spent(friday, requested) == 0
    friday.to("2026-11-23T09:00:01Z")
    assert spent(friday, requested) == 1
    assert served(friday, requested) == own(friday, requested) != evening
    friday.to(MONDAY)
    assert spent(friday, requested) == 0
    friday.to("2026-11-24T15:00:00Z")
    # From the next day on only a split can change them, and one call tells of all of these.
    assert spent(friday, requested) == (1 if adjusted == "true" else 0)
    assert served(friday, requested) == own(friday, requested)


def test_the_age_counts_from_the_oldest_part_that_can_still_change(friday: Market) -> None:
    key = friday.world.key()
    friday.to(EVENING)
    friday.world.get(path("1/day"), key)
    friday.to("2026-11-22T01:30:00.5Z")  # some microseconds after the fetch began are no second
    answer = friday.world.get(path("1/day", last="2026-11-30"), key)
    assert (answer.headers["Age"], answer.headers["Cache-Status"][:9]) == ("86400", "dekr; hit")
    answer = friday.world.get(path("1/day"), key)
    assert answer.headers["Age"] == "86400"
    friday.to(MONDAY)
    friday.world.get(path("1/day", last="2026-11-30"), key)
    friday.later(7)
    assert friday.world.get(path("1/day", last="2026-11-30"), key).headers["Age"] == "7"
    friday.later(600)
    # The last bar can change, those of Friday no more.
    assert friday.world.get(path("1/day", last="2026-11-30"), key).headers["Age"] == "0"


def test_an_upstream_that_is_down_takes_no_settled_bars_away(friday: Market) -> None:
    friday.to(EVENING)
    evening = served(friday, path("1/day"))
    friday.to(MONDAY)
    friday.sandbox.faults.standing.append(Fault("500_html", "/", None, 0))
    answer = friday.world.get(path("1/day"), friday.world.key())
    assert answer.json["results"] == evening
    assert answer.headers["X-Data-Warning"].startswith("stale; age=221400;")


@pytest.mark.parametrize(("length", "moment"), [("5/minute", MONDAY), ("1/hour", MONDAY), ("1/day", MONDAY)])
def test_bars_that_were_made_of_others_are_labelled(friday: Market, length: str, moment: str) -> None:
    key = friday.world.key()
    friday.to(moment)
    today, before = path(length, last="2026-11-30"), path(length)
    assert friday.world.get(today, key).headers["X-Data-Source"] == "aggregates"
    friday.later(301)
    friday.world.get(path("1/minute", last="2026-11-30"), key)
    friday.world.get(SNAPSHOT, key)
    assert friday.world.get(today, key).headers["X-Data-Source"] == "derived"
    assert friday.world.get(before, key).headers["X-Data-Source"] == "aggregates"
    # A page that ends before the last day has none of its bars.
    first = today.replace("limit=50000", "limit=1")
    assert friday.world.get(first, key).headers["X-Data-Source"] == "aggregates"


def test_one_call_settles_the_day_for_everybody(friday: Market) -> None:
    """One more call is for the splits. With the day's snapshots at hand, readers of years of days cost no call of their own."""
    tickers, key = ("AAPL", "MSFT", "TSLA"), friday.world.key()
    friday.world.get("/quote/AAPL", key)
    years = [f"/market-data/{ticker}?from=2025-01-02" for ticker in tickers]
    for year in years:
        friday.world.get(year, key)
    friday.to(EVENING)
    friday.world.services.warmer.run(Task.NIGHT, always(60))
    friday.to("2026-11-23T09:02:00Z")
    before = friday.calls
    assert friday.world.services.warmer.run(Task.NIGHT, always(60)).done == "settled"
    assert friday.calls - before == 2
    assert friday.world.services.warmer.run(Task.NIGHT, always(60)).calls == 0
    friday.to(MONDAY)
    for ticker in tickers:
        friday.world.get(SNAPSHOT.replace("AAPL", ticker), key)
    calls = 0
    for year, ticker in zip(years, tickers, strict=True):
        before = friday.calls
        rows = friday.world.get(year, key).json
        calls += friday.calls - before
        bars = own(friday, path("1/day", first="2025-01-02", last="2026-11-30").replace("AAPL", ticker))
        assert [row["volume"] for row in rows] == [bar["v"] for bar in bars]
        assert [row["transactions"] for row in rows[:-1]] == [bar["n"] for bar in bars[:-1]]
    assert calls == 0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_any_order_of_reads_gives_the_same_final_bars(redis: RedisServer, seed: int) -> None:
    """Random reads of all that bars are made of, from a Friday's first session to the Monday, then one read of each length.

    Until then a bar has all fields, too, but for ``n`` of a day bar that was made of a snapshot while the day lasted.
    """
    rng = random.Random(seed)
    link = patient(Link.open(redis.url))
    link.run(Command(("FLUSHALL",), ("",)))
    with market(link) as on:
        first, closed, end = (datetime.fromisoformat(at) for at in (FIRST_SESSION, EVENING, MONDAY))
        in_session = [first + (closed - first) * rng.random() for _ in range(40)]
        after = [closed + (end - closed) * rng.random() for _ in range(20)]
        for now in sorted(in_session + after):
            on.to(now.isoformat())
            key = on.world.key(rng.randint(1, 7), now.isoformat())
            read = rng.choice(("bars", "bars", "bars", "snapshot", "market", "night"))
            adjusted = rng.choice(("true", "false"))
            if read == "bars":
                last = rng.choice(("2026-11-20", "2026-11-30"))
                answer = on.world.get(path(rng.choice(LENGTHS), last=last, adjusted=adjusted), key)
                poorer = [bar for bar in answer.json["results"] if bar.keys() != FIELDS]
                assert all(FIELDS - bar.keys() == {"n"} for bar in poorer)
                assert not poorer or (answer.headers["X-Data-Source"] == "derived" and now < closed)
            elif read == "snapshot":
                on.world.get(SNAPSHOT, key)
            elif read == "market":
                on.world.get(f"{SNAPSHOT.removesuffix('/AAPL')}?tickers=AAPL,MSFT", key)
            else:
                on.world.services.warmer.run(Task.NIGHT, always(60))
        on.to(MONDAY)
        assert bars_settled_from(datetime.fromisoformat("2026-11-20T21:00:00Z")) < end
        for length in LENGTHS:
            for adjusted in ("true", "false"):
                tier = rng.randint(1, 7)
                assert served(on, path(length, adjusted=adjusted), tier) == own(on, path(length, adjusted=adjusted))
    link.close()


def test_at_night_the_upstreams_own_bars_come_before_derived_ones(friday: Market) -> None:
    key, hours = friday.world.key(), path("1/hour")
    friday.to(EVENING)
    found = friday.world.get(hours, key).json["results"]
    friday.later(3600)
    friday.world.get(path("1/minute"), key)
    answer = friday.world.get(hours, key)
    assert (answer.json["results"], answer.headers["X-Data-Source"]) == (found, "aggregates")
