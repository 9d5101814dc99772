"""Rules of shared misses: the data that counts as fetched, the tickers that come along, and no request made twice."""

from collections.abc import Callable
from contextlib import closing

import httpx

from dekr.access.principal import Principal, Role
from dekr.gate.permit import Permit
from dekr.gate.request import FetchRequest
from dekr.market.demand.record import NO_FLOOR
from dekr.market.read.context import ReadContext
from dekr.polygon.endpoints import LAST_QUOTE
from dekr.store import plain
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from tests.busy import MARKET, MARKET_LEASE, NAMES, request_quotes
from tests.patience import always
from tests.redis_servers import RedisServer
from tests.still_link import still_link
from tests.world import Answer, World


def calls_during(world: World, act: Callable[[], object]) -> list[str]:
    """Return the paths of the upstream calls that are made while ``act`` runs."""
    before = len(world.upstream.calls)
    act()
    return world.upstream.calls[before:]


def while_the_market_ends(busy: World, redis: RedisServer, ticker: str, *, began_s: float = 0.0) -> Answer:
    """Return the answer to a reader of another sandbox who holds the permit to fetch the ticker, and waits for the market
    that somebody else began to fetch ``began_s`` seconds before.
    """
    with closing(still_link(redis.url)) as link:

        def sleep(_: float) -> None:
            (held,) = link.run(plain("GET", f"dekr:{{upstream}}:lease:quote:{ticker}"))
            if held and held.startswith(b"h:"):
                link.run(plain("DEL", MARKET_LEASE))
                busy.later(-began_s)
                assert busy.services.shared.refresh(always(10), busy.services.demand.forecast(NO_FLOOR)) == 1
                busy.later(began_s)

        other = busy.beside(link, sleep)
        link.run(plain("SET", MARKET_LEASE, "h:somebody", "PX", 60_000))
        return other.get(f"/quote/{ticker}", busy.key())


def test_an_entry_that_is_too_old_is_not_what_the_market_brought(busy: World, redis: RedisServer) -> None:
    request_quotes(busy, busy.key(), "ELSE")
    busy.later(60)
    found: list[Answer] = []
    calls = calls_during(busy, lambda: found.append(while_the_market_ends(busy, redis, "ELSE")))
    assert calls == [MARKET, "/v2/last/nbbo/ELSE"]
    assert found[0].json["bid"] == len(busy.upstream.calls)


def test_a_batchs_close_is_not_what_the_market_brought(busy: World, redis: RedisServer) -> None:
    minute = {"close": 9.75, "last_updated": busy.services.now_us() * 1000}
    items = [{"ticker": name, "type": "stocks", "last_minute": minute} for name in ("ELSE", "MORE")]
    busy.later(60)
    request_quotes(busy, busy.key(), NAMES[0])
    busy.later(20)
    busy.upstream.answer = lambda request: (
        httpx.Response(200, json={"status": "OK", "results": items}) if request.url.path == "/v3/snapshot" else None
    )
    assert busy.post("/quotes/batch", busy.key(), ["ELSE", "MORE"]).json["ELSE"]["bid"] == 9.75
    # Now the market is too old for this reader, and the close is not.
    busy.later(15)
    answer = while_the_market_ends(busy, redis, "ELSE")
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "nbbo")


def test_whoever_is_stricter_is_not_sent_to_read_what_the_market_brought_before(
    busy: World, redis: RedisServer
) -> None:
    busy.later(60)
    began_s = 5
    assert while_the_market_ends(busy, redis, NAMES[0], began_s=began_s).headers["X-Data-Source"] == "snapshot"
    floor_us = busy.services.now_us() - began_s * 1_000_000 // 2
    gate = busy.services.quotes.shared.reader.single_flight.gate
    request = FetchRequest(f"quote:{NAMES[0]}", (LAST_QUOTE.family,), 1_000, always(10), floor_us=floor_us)
    admitted = gate.admit(request)
    assert isinstance(admitted, Permit)


def test_a_market_that_hangs_leaves_half_of_the_time_for_the_ticker_alone(busy: World) -> None:
    time_outs: list[float] = []

    def hang(request: httpx.Request) -> None:
        if request.url.path == MARKET:
            time_outs.append(request.extensions["timeout"].get("read"))
            raise httpx.ReadTimeout("hangs")

    busy.upstream.before = hang
    busy.later(60)
    principal = Principal("demo", Tier.INSTITUTIONAL_ELITE, Role.USER, "")
    charge = busy.services.limiter.rate_charge(principal, "quote")
    context = ReadContext(charge, Tier.INSTITUTIONAL_ELITE.policy, always(4.5))
    busy.services.quotes.get(context, Ticker(NAMES[0]))
    assert context.source == "nbbo"
    assert 0 < max(time_outs) <= 4.5 / 2


def test_many_tickers_that_the_market_lacks_are_no_reason_to_fetch_it_again(busy: World, link: Link) -> None:
    key = busy.key()
    busy.upstream.listed = NAMES[299:]
    busy.later(60)
    assert calls_during(busy, lambda: request_quotes(busy, key, NAMES[0])) == [MARKET, f"/v2/last/nbbo/{NAMES[0]}"]
    link.run(plain("DEL", MARKET_LEASE))  # as it does by itself some seconds later
    assert calls_during(busy, lambda: request_quotes(busy, key, NAMES[1])) == ["/v3/snapshot"]


def test_what_the_market_lacks_is_not_requested_at_the_same_endpoint(busy: World) -> None:
    key = busy.key()
    busy.upstream.listed = NAMES[200:]
    busy.upstream.denied = {"v3/snapshot"}
    busy.later(60)
    assert calls_during(busy, lambda: request_quotes(busy, key, NAMES[0])) == [MARKET, f"/v2/last/nbbo/{NAMES[0]}"]
    for name in NAMES[1:3]:
        assert calls_during(busy, lambda: request_quotes(busy, key, name)) == ["/v3/snapshot", f"/v2/last/nbbo/{name}"]  # noqa: B023 - it is called at once
        busy.later(10)
    # Now it is believed that the plan lacks the universal snapshot.
    assert calls_during(busy, lambda: request_quotes(busy, key, NAMES[3])) == [f"/v2/last/nbbo/{NAMES[3]}"]


def test_a_popular_ticker_that_the_market_lacks_does_not_make_all_others_old(busy: World) -> None:
    key = busy.key()
    busy.upstream.listed = NAMES[1:]
    busy.later(60)
    request_quotes(busy, key, NAMES[10], NAMES[0])
    busy.later(10)
    assert calls_during(busy, lambda: request_quotes(busy, key, "ELSE")) == ["/v2/last/nbbo/ELSE"]


def only_bars(world: World) -> None:
    """Let the market's snapshot have no quotes, and a minute bar of every ticker."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != MARKET:
            return None
        minute = {"c": 9.75, "t": world.services.now_us() // 1000}
        return httpx.Response(
            200, json={"status": "OK", "tickers": [{"ticker": name, "min": minute} for name in NAMES]}
        )

    world.upstream.answer = answer


def test_a_market_of_bars_makes_no_quotes_where_the_plan_has_them(busy: World) -> None:
    only_bars(busy)
    busy.upstream.denied = {"v3/snapshot"}
    busy.later(60)
    request_quotes(busy, busy.key(), NAMES[0])
    answer = busy.get(f"/quote/{NAMES[5]}", busy.key())
    assert (answer.status, answer.headers["X-Data-Source"]) == (200, "nbbo")


def test_a_market_of_bars_is_shared_where_the_plan_has_no_quotes(busy: World) -> None:
    key = busy.key()
    only_bars(busy)
    busy.upstream.denied = {"v2/last", "stocks/tickers/"}
    for ticker in ("ELSE", "MORE"):
        busy.later(40)
        request_quotes(busy, key, ticker)  # and what the plan lacks is known
    busy.later(40)
    assert calls_during(busy, lambda: request_quotes(busy, key, *NAMES[:20])) == [MARKET]
    answer = busy.get(f"/quote/{NAMES[5]}", key)
    assert (answer.json["bid"], answer.headers["X-Data-Source"]) == (9.75, "minute_bar")


def test_a_bar_among_quotes_is_no_quote_even_where_the_plan_has_no_nbbo(busy: World) -> None:
    key = busy.key()
    busy.upstream.denied = {"v2/last"}
    for ticker in ("ELSE", "MORE"):
        busy.later(60)
        request_quotes(busy, key, ticker)  # and what the plan lacks is known
    minute = {"c": 9.75, "t": busy.services.now_us() // 1000}
    quote = {"p": 5, "P": 6, "t": busy.services.now_us() * 1000}
    items = [{"ticker": NAMES[5], "min": minute}, *({"ticker": name, "lastQuote": quote} for name in NAMES[6:])]
    busy.upstream.answer = lambda request: (
        httpx.Response(200, json={"status": "OK", "tickers": items}) if request.url.path == MARKET else None
    )
    busy.later(60)
    request_quotes(busy, key, NAMES[7])
    assert busy.get(f"/quote/{NAMES[5]}", key).headers["X-Data-Source"] == "snapshot"


def test_what_the_universal_snapshot_may_not_have_is_requested_elsewhere(busy: World) -> None:
    busy.upstream.denied = {"v2/snapshot"}

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/v3/snapshot":
            return None
        names = request.url.params["ticker.any_of"].split(",")
        refused = {"error": "NOT_ENTITLED", "message": "Not entitled to this ticker."}
        return httpx.Response(200, json={"status": "OK", "results": [{"ticker": name, **refused} for name in names]})

    busy.upstream.answer = answer
    busy.later(60)
    found: list[Answer] = []
    calls = calls_during(busy, lambda: found.append(busy.get(f"/quote/{NAMES[0]}", busy.key())))
    assert calls == [MARKET, "/v3/snapshot", f"/v2/last/nbbo/{NAMES[0]}"]
    assert found[0].status == 200
