"""The parts of a hit's time: what it is made of, from the inside out, measured by turns in one process.

The parts are a bare GET; the one round trip of a hit (limit and entry); the quote service on it; the whole handler.
Each but the first contains the one before, so the differences are the costs of the parts.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import redis

from dekr.market.read.context import ReadContext
from dekr.store import plain
from dekr.store.link import Link
from dekr.symbols import Ticker
from dekr.tiers import Tier
from tests.patience import always, patient, patient_url
from tests.redis_servers import redis_single
from tests.world import Context, World, event, load

ROUNDS = 3_000
TICKER = Ticker.parse("AAPL")
CLOSED = "2026-11-21T12:00:00Z"
ROUNDS_PER_JUMP = 50
"""After this many rounds the clock is driven on by two seconds, so that the rate limit is never reached."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``hit_get_us``, ``hit_round_trip_us``, ``hit_service_us`` and ``hit_handler_us``.

    Return each figure's value (the median, in microseconds) and meaning.
    """
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        world = World(patient(Link.open(server.url)))
        world.to(CLOSED)
        with redis.Redis.from_url(patient_url(server.url)) as bare:
            get, trip, service, handler = _medians_us(_parts(world, bare), world)
    return {
        "hit_get_us": (get, "a bare GET by redis-py (p50, us)"),
        "hit_round_trip_us": (trip, "the round trip of a hit: limit and entry (p50, us)"),
        "hit_service_us": (service, "the quote service, including that round trip (p50, us)"),
        "hit_handler_us": (handler, "the whole handler, including the service (p50, us)"),
    }


def _parts(world: World, bare: redis.Redis) -> tuple[Callable[[], object], ...]:
    services = world.services
    text = world.key(Tier.INSTITUTIONAL_ELITE)
    api_event = event(f"/quote/{TICKER.text}", {"x-api-key": text, "accept": "application/json"})
    module = load("quote")
    module.edge._wire = lambda: services  # noqa: SLF001 - the edge takes its services here
    context = Context()
    principal = services.principals.resolve(text, "203.0.113.7")
    key = f"{services.store.prefix}{{{TICKER.text}}}:quote"
    entry = plain("GET", key)

    def get() -> object:
        return bare.get(key)

    def trip() -> object:
        return services.store.run(services.limiter.rate_charge(principal, "quote").command, entry)

    def service() -> object:
        charge = services.limiter.rate_charge(principal, "quote")
        return services.quotes.get(ReadContext(charge, principal.tier.policy, always(29.0)), TICKER)

    def handler() -> object:
        answer = module.handler(api_event, context)
        assert answer["statusCode"] == 200, answer  # noqa: PLR2004 - OK
        return answer

    return get, trip, service, handler


def _medians_us(parts: tuple[Callable[[], object], ...], world: World) -> list[float]:
    times: list[list[float]] = [[] for _ in parts]
    for number in range(-200, ROUNDS):
        for part, taken in zip(parts, times, strict=True):
            started = time.perf_counter()
            part()
            if number >= 0:
                taken.append(time.perf_counter() - started)
        if number % ROUNDS_PER_JUMP == 0:
            world.later(2)
    return [statistics.median(taken) * 1e6 for taken in times]
