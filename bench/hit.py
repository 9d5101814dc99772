"""The hit path: one quote through the Lambda handler, compared with one bare GET of redis-py in the same process.

Both take turns. The handler is the deployed one, with its validation, access control, limits, freshness, headers and
log line (written to a file that is thrown away, as Lambda takes it from standard output). Redis is real, on loopback.
"""

import contextlib
import itertools
import os
from pathlib import Path

import redis

from bench.pairs import paired
from dekr.store.link import Link
from tests.patience import patient, patient_url
from tests.redis_servers import redis_single
from tests.round_trips import counted
from tests.world import Context, World, event, load

ROUNDS_PER_SECOND = 50
"""After this many rounds the clock is driven on by a second, so that the rate limit is never reached."""


def run() -> dict[str, tuple[float, str]]:
    """Measure ``hit_p50_ratio`` and ``hit_round_trips``.

    Return each figure's value and meaning. Raises AssertionError if an answer is not 200.
    """
    with redis_single() as server, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        link = patient(Link.open(server.url))
        world = World(link)
        world.to("2026-11-20T15:00:00Z")
        module = load("quote")
        module.edge._wire = lambda: world.services  # noqa: SLF001 - the edge takes its services here
        api_event = event("/quote/AAPL", {"x-api-key": world.key(7), "accept": "application/json"})
        bare = redis.Redis.from_url(patient_url(server.url))
        context = Context()
        world.to("2026-11-21T12:00:00Z")  # closed: the entry stays fresh while the benchmark runs

        def hit() -> None:
            assert module.handler(api_event, context)["statusCode"] == 200  # noqa: PLR2004 - OK

        def get() -> None:
            bare.get("dekr:{AAPL}:quote")

        for _ in range(200):
            hit()
            get()
            world.later(1)
        rounds = itertools.count(1)
        ratio, ours, theirs = paired(hit, get, lambda: world.later(next(rounds) % ROUNDS_PER_SECOND == 0))
        with counted(link) as trips:
            for _ in range(50):
                hit()
    return {
        "hit_p50_ratio": (
            ratio,
            f"handler p50 {ours * 1e6:.0f} us over one bare GET p50 {theirs * 1e6:.0f} us (at most 2.0)",
        ),
        "hit_round_trips": (trips.count / 50, "round trips of one hit, counted on its connection (1)"),
    }
