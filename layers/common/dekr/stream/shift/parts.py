"""The parts of a relay put together, on aiohttp."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import ClientSession

from dekr.passed_over import PassedOver
from dekr.stream.delivery.post_rate import PER_SECOND, PostRate, Refusals
from dekr.stream.delivery.sink import ConnectionSink, post_session
from dekr.stream.ports import Journal
from dekr.stream.relay.live import OnLive
from dekr.stream.relay.pace import PACE, Ending, Pace
from dekr.stream.relay.relay import Relay
from dekr.stream.shift.guard import Guard
from dekr.stream.shift.in_thread import one_thread, running_in
from dekr.stream.shift.rounds import Rounds
from dekr.stream.upstream.feed import PolygonFeed


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RelaySetup:
    """The ingredients of a relay.

    ``upstream_url``, ``key``: the upstream's stream and what reads its API key. ``endpoint``, ``environment``: see
    dekr.stream.delivery.sink.ConnectionSink. ``journal``, ``guard`` and ``on_live`` each have a link to the store of their own,
    because each is used in a thread of its own. ``still_ours``: whether the lease is this relay's. ``random``: numbers from 0 to 1.
    ``passed_over`` collects failures. ``served``: see dekr.stream.relay.relay.Relay.
    """

    upstream_url: str
    key: Callable[[], str]
    endpoint: str
    environment: Mapping[str, str]
    journal: Journal
    guard: Guard
    on_live: OnLive
    still_ours: Callable[[], Awaitable[bool]]
    now_us: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    passed_over: PassedOver
    served: dict[str, int]
    pace: Pace = PACE


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of a relay (see dekr.stream.shift.shift.Served)."""

    _relay: Relay
    _feed: PolygonFeed
    _sink: ConnectionSink
    _rounds: Rounds

    async def relay(self, epoch: int, until: Callable[[], bool]) -> Ending:
        """Run the relay."""
        return await self._relay.run(epoch, until)

    async def feed(self) -> None:
        """Keep the connection to the upstream, until it belongs to another relay."""
        await self._feed.run()

    async def rounds(self) -> None:
        """Make the guard's rounds without end."""
        await self._rounds.run()

    def counts(self) -> dict[str, Any]:
        """The relay's counts since the last call (dekr.stream.delivery.stats.Stats), and under ``edges`` what went wrong at its
        edges since it began: connections to the upstream by the reason of their end, its frames that were none, requests that
        were sent again, posts with an unforeseen answer by that answer, rounds of the guard that failed.
        """
        edges = {
            "feed_ends": dict(self._feed.ends),
            "garbage": self._feed.garbage,
            "repeated": self._sink.repeated,
            "post_failures": dict(self._sink.failures),
            "guard_failures": self._rounds.failures,
            "expelled": self._rounds.expelled,
        }
        return {**asdict(self._relay.stats()), "edges": edges}


@asynccontextmanager
async def open_parts(setup: RelaySetup) -> AsyncIterator[Parts]:
    """Make the parts; nothing is sent before they run. Afterwards their connections are closed."""
    with ExitStack() as stack:
        journal, guard, live = (stack.enter_context(one_thread(name)) for name in ("journal", "guard", "live"))
        async with sink_of(setup) as sink, ClientSession() as upstream:
            feed = PolygonFeed(
                upstream,
                setup.upstream_url,
                setup.key,
                setup.still_ours,
                now_us=setup.now_us,
                monotonic=setup.monotonic,
                sleep=setup.sleep,
                random=setup.random,
            )
            relay = Relay(
                setup.journal,
                feed,
                sink,
                now_us=setup.now_us,
                monotonic=setup.monotonic,
                sleep=setup.sleep,
                passed_over=setup.passed_over,
                on_live=setup.on_live,
                executor=journal,
                live_executor=live,
                served=setup.served,
                pace=setup.pace,
            )
            try:
                yield Parts(
                    relay, feed, sink, Rounds(setup.guard, sink, running_in(guard), setup.sleep, setup.passed_over)
                )
            finally:
                await feed.close()


async def sweep(setup: RelaySetup) -> None:
    """Make one round of the guard."""
    with one_thread("guard") as thread:
        async with sink_of(setup) as sink:
            await Rounds(setup.guard, sink, running_in(thread), setup.sleep, setup.passed_over).once()


@asynccontextmanager
async def sink_of(setup: RelaySetup) -> AsyncIterator[ConnectionSink]:
    """Open a sink for posts."""
    async with post_session() as session:
        rate = PostRate(PER_SECOND, setup.monotonic, setup.sleep)
        yield ConnectionSink(session, setup.endpoint, setup.environment, rate, Refusals(setup.monotonic))
