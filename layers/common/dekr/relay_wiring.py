"""The composition root of the relay. What most runs do not need, because they leave at once, is imported when a relay begins."""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Protocol

from dekr.access.directory import KeyDirectory, dynamodb_client
from dekr.config import Settings
from dekr.errors import StoreDown, Unavailable
from dekr.passed_over import PassedOver
from dekr.store import Store
from dekr.stream.registry import Registry
from dekr.stream.shift.endings import Cause, RunReport
from dekr.stream.shift.in_thread import InThread, one_thread, running_in
from dekr.stream.shift.lease import Holder, Lease
from dekr.stream.shift.runner import Runner, RunnersLease
from dekr.wiring import directory_of, store_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from dekr.market.quotes.live import LiveQuotes
    from dekr.stream.ports import NumberedEvent
    from dekr.stream.relay.pace import Pace
    from dekr.stream.shift.parts import RelaySetup

MARGIN_S: Final = 8.0
"""A relay stops so long before its invocation is ended from outside: it awaits its posts, writes and gives the lease back."""


class RelaysLease(RunnersLease, Protocol):
    """The lease of a run that becomes the relay."""

    def renew(self) -> bool:
        """Hold it for longer. False: it is lost. Raises Unavailable."""
        ...

    def held(self) -> bool:
        """Whether it is still this run's; asks nobody."""
        ...


class RelayContext(Protocol):
    """The part of Lambda's context object that a run uses."""

    aws_request_id: str
    function_version: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        ...


@dataclass(frozen=True, slots=True)
class Invocation:
    """A run: the request, the version of the function, and for how many seconds more it may run."""

    request: str
    version: str
    left_s: float

    @classmethod
    def of(cls, context: RelayContext) -> "Invocation":
        """The run that Lambda describes so."""
        return cls(context.aws_request_id, context.function_version, context.get_remaining_time_in_millis() / 1000)


@dataclass(frozen=True, slots=True, eq=False)
class LiveTap:
    """Keeps the latest quotes and trades of the stream for readers of REST. ``passed_over`` collects failures of the store."""

    quotes: "LiveQuotes"
    passed_over: PassedOver

    def __call__(self, events: "Sequence[NumberedEvent]", received_us: int) -> None:
        """Write these events, received then on this machine's clock. It blocks."""
        try:
            self.quotes.accept([_parsed(event.raw) for event in events], received_us)
        except StoreDown as error:
            self.passed_over.note(error, "live")


@dataclass(frozen=True, slots=True, eq=False)
class RelayServices:
    """The services that runs of the relay's function are made of.

    ``store`` makes a link for each thread that uses one. ``directory`` makes the directory of keys. ``key`` reads the upstream's
    API key. ``lease`` makes the lease of a run. ``environment`` has AWS's credentials and region. ``report`` is handed what a relay
    counted. ``signals``: those that end a relay, where this is the main thread of a process of its own.
    """

    settings: Settings
    store: Callable[[], Store]
    directory: Callable[[], KeyDirectory]
    key: Callable[[], str]
    lease: Callable[[Holder], RelaysLease]
    environment: Mapping[str, str]
    report: Callable[[Mapping[str, Any]], None]
    signals: Collection[int] = ()
    pace: "Pace | None" = None

    def now_us(self) -> int:
        """The time in microseconds since the epoch, by this machine's clock, or ahead of it as the settings say."""
        return time.time_ns() // 1000 + self.settings.clock_offset_us

    def now_ms(self) -> int:
        """The time in milliseconds since the epoch, by the same clock."""
        return self.now_us() // 1000

    async def run(self, invocation: Invocation, *, scheduled: bool) -> RunReport:
        """Be the relay, if there is none and one is needed (dekr.stream.shift.runner). Raises StoreDown and Unavailable."""
        left_s = invocation.left_s - MARGIN_S
        ends_ms = _machines_ms() + int(left_s * 1000)
        lease = self.lease(Holder(token_hex(8), invocation.request, invocation.version, ends_ms))
        with one_thread("lease") as thread:
            in_thread = running_in(thread)
            run = _Run(self, lease, in_thread, time.monotonic() + left_s)
            report = await Runner(
                lease,
                is_heard=lambda: run.registry.counts().pairs > 0,
                sweep=run.sweep,
                serve=run.serve,
                ends_s=run.ends_s,
                in_thread=in_thread,
                now_ms=_machines_ms,
                monotonic=time.monotonic,
                sleep=asyncio.sleep,
                passed_over=run.passed_over,
            ).run(scheduled=scheduled)
        return replace(report, passed_over=run.failures())


class _Run:
    """One run: what it needs when it becomes the relay."""

    def __init__(self, services: RelayServices, lease: RelaysLease, in_thread: InThread, ends_s: float) -> None:
        self.ends_s = ends_s
        self.registry = Registry(services.store())
        self.passed_over = PassedOver()
        self._services = services
        self._lease = lease
        self._in_thread = in_thread
        self._served: dict[str, int] = {}

    async def serve(self, epoch: int) -> Cause:
        """Be the relay of this epoch."""
        from dekr.stream.shift.parts import open_parts  # noqa: PLC0415 - it loads aiohttp
        from dekr.stream.shift.shift import Shift  # noqa: PLC0415 - see above

        setup = self._setup()
        shift = Shift(
            self._lease,
            lambda: open_parts(setup),
            self._in_thread,
            time.monotonic,
            asyncio.sleep,
            self.ends_s,
            self._report,
            self.passed_over,
        )
        for number in self._services.signals:
            asyncio.get_running_loop().add_signal_handler(number, partial(shift.stop, Cause.SIGNAL))
        return await shift.run(epoch)

    async def sweep(self) -> None:
        """Make one round of the guard."""
        from dekr.stream.shift.parts import sweep  # noqa: PLC0415 - it loads aiohttp

        await sweep(self._setup())

    def failures(self) -> tuple[str, ...]:
        """Take the failures that this run went on without since the last call."""
        return tuple(map(str, self.passed_over.take()))

    def _report(self, counts: Mapping[str, Any]) -> None:
        failures = self.failures()
        self._services.report({**counts, "passed_over": failures} if failures else counts)

    async def _still_ours(self) -> bool:
        try:
            return await self._in_thread(self._lease.renew)
        except Unavailable as error:
            self.passed_over.note(error, "renew")
            return self._lease.held()

    def _tap(self) -> LiveTap:
        from dekr.cache.entry_cache import EntryCache  # noqa: PLC0415 - only a relay needs it
        from dekr.market.quotes.live import LiveQuotes  # noqa: PLC0415 - only a relay needs it

        services = self._services
        quotes = LiveQuotes(EntryCache(services.store()), services.settings.stale_s * 1_000_000)
        return LiveTap(quotes, self.passed_over)

    def _setup(self) -> "RelaySetup":
        from dekr.stream.journal import StoreJournal  # noqa: PLC0415 - only a relay needs it
        from dekr.stream.relay.pace import PACE  # noqa: PLC0415 - only a relay needs it
        from dekr.stream.shift.guard import Guard  # noqa: PLC0415 - only a relay needs it
        from dekr.stream.shift.parts import RelaySetup  # noqa: PLC0415 - it loads aiohttp

        services, settings = self._services, self._services.settings
        journal_store = services.store()
        return RelaySetup(
            upstream_url=settings.polygon_stream_url,
            key=services.key,
            endpoint=settings.stream_endpoint,
            environment=services.environment,
            journal=StoreJournal(journal_store, Registry(journal_store), services.now_ms),
            guard=Guard(self.registry, services.directory, services.now_ms),
            on_live=self._tap(),
            still_ours=self._still_ours,
            now_us=services.now_us,
            monotonic=time.monotonic,
            sleep=asyncio.sleep,
            random=random.random,
            passed_over=self.passed_over,
            served=self._served,
            pace=services.pace or PACE,
        )


def relay_services(report: Callable[[Mapping[str, Any]], None]) -> RelayServices:
    """Make the services of this sandbox from its environment. ``report`` is handed what a relay counted, once a minute."""
    settings = Settings.read(os.environ)
    return RelayServices(
        settings,
        partial(store_of, settings, patient=True),
        directory_of(settings),
        partial(_polygon_key, settings.polygon_secret_arn),
        partial(_lease, settings.stream_table),
        os.environ,
        report,
    )


def _machines_ms() -> int:
    """The time in milliseconds since the epoch, by this machine's clock: that of the lease, whatever moment the market is at."""
    return time.time_ns() // 1_000_000


def _polygon_key(arn: str) -> str:
    from dekr.polygon.connect import secret  # noqa: PLC0415 - it loads an HTTP client

    return secret(arn)()


def _lease(table: str, holder: Holder) -> Lease:
    return Lease(_dynamodb(), table, holder, now_ms=_machines_ms, monotonic=time.monotonic)


@cache
def _dynamodb() -> "DynamoDBClient":
    return dynamodb_client()


def _parsed(raw: str) -> Any:  # noqa: ANN401 - LiveQuotes judges what it is
    try:
        return json.loads(raw)
    except ValueError:
        return None
