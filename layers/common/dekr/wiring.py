"""The composition root: the one place where objects are made.

``services()`` makes them once for each sandbox, from the environment; tests make ``Services`` with fakes at the outer edges.
What a hit does not need (the HTTP client, AWS clients, services of other data) is imported and made on first use, so that a
function starts fast.
"""

import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from dekr.access.directory import KeyDirectory
from dekr.access.limits import Limiter
from dekr.access.principal import Principal, Role
from dekr.access.principals import Principals
from dekr.cache.entry_cache import EntryCache
from dekr.cache.keys import Datum
from dekr.config import Settings
from dekr.cursors import Cursors
from dekr.gate.gate import Gate
from dekr.gate.local_gate import LocalGate
from dekr.market.demand.record import Demand
from dekr.market.read.reader import Reader
from dekr.market.read.single_flight import SingleFlight
from dekr.passed_over import PassedOver
from dekr.store import Store
from dekr.store.connection import patient_url
from dekr.store.link import Link, LinkBreaker
from dekr.tiers import Tier

if TYPE_CHECKING:
    from dekr.access.limits import RateCharge
    from dekr.access.tokens import Tokens
    from dekr.market.bars.service import Bars
    from dekr.market.demand.preferences import Preferences
    from dekr.market.indicators.service import Indicators
    from dekr.market.market_hours import MarketHours
    from dekr.market.news.service import News
    from dekr.market.passthrough.service import PassThrough
    from dekr.market.quotes.batch import QuoteBatches
    from dekr.market.quotes.market_snapshot import MarketSnapshot
    from dekr.market.quotes.service import LatestPrices
    from dekr.market.quotes.shared_refresh import SharedRefresh
    from dekr.market.quotes.snapshots import Snapshots
    from dekr.market.warming.warmer import Warmer
    from dekr.ops.health import HealthCheck
    from dekr.ops.usage import UsageBook
    from dekr.polygon.client import PolygonClient
    from dekr.stream.aws import Invoker, SignedHttp
    from dekr.stream.conversation.client import Connections
    from dekr.stream.conversation.conversation import Conversation
    from dekr.stream.started.streams import Streams, Waker
    from dekr.stream.started.tickets import Tickets


class Services:
    """All services that a function may use, each made on first use.

    ``directory`` and ``client`` make the key directory and the upstream client, which a hit does not need; ``client`` takes the
    clock that it reads (microseconds). ``sleep`` waits for another request's fetch. ``passed_over`` collects failures that
    the present request goes on without.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        directory: Callable[[], KeyDirectory],
        client: "Callable[[Callable[[], int]], PolygonClient]",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.public_url = settings.public_url
        self.store = store
        self.cursors = Cursors.signed_with(settings.cursor_secret)
        self.passed_over = PassedOver()
        self.limiter = Limiter(store, self.now_us)
        self.principals = Principals(store, directory, self.limiter, self.now_us, passed_over=self.passed_over)
        if settings.jwt_issuer:
            self.principals.verify = _verify(settings, store, self.limiter, self.now_us, self.passed_over)
        self._gate = Gate(store, settings.per_minute, _token)
        local_gate = LocalGate(settings.per_minute, self.now_us)
        stale_us = settings.stale_s * 1_000_000
        self.demand = Demand(store, self.now_us, self.passed_over)
        self._single_flight = SingleFlight(EntryCache(store), self._gate, sleep, random.random, self.passed_over)
        self._reader = Reader(self._single_flight, self.demand, local_gate, self.now_us, stale_us)
        self._upstream = cache(lambda: client(self.now_us))

    def now_us(self) -> int:
        """The time in microseconds since the epoch, by this machine's clock. Tests that drive the store's clock drive it, too."""
        return time.time_ns() // 1000 + self.store.clock_offset_us

    @cached_property
    def quotes(self) -> "LatestPrices":
        """The service of the latest quote."""
        from dekr.market.quotes.service import LatestPrices  # noqa: PLC0415 - only functions that read quotes or trades need it

        return LatestPrices(self.shared, Datum.QUOTE)

    @cached_property
    def trades(self) -> "LatestPrices":
        """The service of the latest trade."""
        from dekr.market.quotes.service import LatestPrices  # noqa: PLC0415 - only functions that read quotes or trades need it

        return LatestPrices(self.shared, Datum.TRADE)

    @cached_property
    def shared(self) -> "SharedRefresh":
        """The service of fetches that many tickers share."""
        from dekr.market.quotes.shared_refresh import SharedRefresh  # noqa: PLC0415 - only functions that read quotes or trades need it

        return SharedRefresh(self._reader, self._upstream)

    @cached_property
    def snapshots(self) -> "Snapshots":
        """The service of one ticker's or several tickers' snapshots."""
        from dekr.market.quotes.snapshots import Snapshots  # noqa: PLC0415 - only the function of snapshots needs it

        return Snapshots(self._reader, self._upstream, Datum.SNAPSHOT)

    @cached_property
    def universal(self) -> "Snapshots":
        """The service of universal snapshots."""
        from dekr.market.quotes.snapshots import Snapshots  # noqa: PLC0415 - only the function of snapshots needs it

        return Snapshots(self._reader, self._upstream, Datum.UNIVERSAL)

    @cached_property
    def whole_market(self) -> "MarketSnapshot":
        """The service of the whole market's snapshot."""
        from dekr.market.quotes.market_snapshot import MarketSnapshot  # noqa: PLC0415 - only the function of snapshots needs it

        return MarketSnapshot(self._reader, self._upstream)

    @cached_property
    def batches(self) -> "QuoteBatches":
        """The service of the latest quotes of many tickers at once."""
        from dekr.market.quotes.batch import QuoteBatches  # noqa: PLC0415 - only the function of batches needs it

        return QuoteBatches(self.shared)

    @cached_property
    def answers(self) -> "PassThrough":
        """The service of answers that are passed on as the upstream sent them."""
        from dekr.market.passthrough.service import PassThrough  # noqa: PLC0415 - only functions that pass answers on need it

        return PassThrough(self._reader, self._upstream)

    @cached_property
    def news(self) -> "News":
        """The service of news."""
        from dekr.market.news.feed_fetcher import NewsFeed  # noqa: PLC0415 - only functions that read news need it
        from dekr.market.news.service import News  # noqa: PLC0415 - only functions that read news need it
        from dekr.market.passthrough.service import PassedOnArticles  # noqa: PLC0415 - only functions that read news need it

        feed = NewsFeed(self._single_flight, self._upstream)
        return News(self._reader, feed, PassedOnArticles(self.answers), self._upstream)

    @cached_property
    def bars(self) -> "Bars":
        """The service of bars."""
        return self._bars(self._reader)

    @cached_property
    def indicators(self) -> "Indicators":
        """The service of technical indicators."""
        from dekr.market.indicators.service import Indicators  # noqa: PLC0415 - only the function of indicators needs it

        return Indicators(self.bars)

    @cached_property
    def hours(self) -> "MarketHours":
        """The service of sessions and trading days."""
        from dekr.market.market_hours import MarketHours  # noqa: PLC0415 - only the function of reference data needs it

        return MarketHours(self.answers, self.now_us, self.passed_over)

    @cached_property
    def preferences(self) -> "Preferences":
        """The service of tickers that other Dekr modules expect to be requested."""
        from dekr.market.demand.preferences import Preferences  # noqa: PLC0415 - only the function of preferences needs it

        return Preferences(self.demand)

    @cached_property
    def warmer(self) -> "Warmer":
        """The warmer, which preloads data within its own part of the upstream budget."""
        from dekr.gate.budget_share import BudgetShare  # noqa: PLC0415 - only the warmer's function needs it
        from dekr.market.bars.day_history import DayHistory  # noqa: PLC0415 - only the warmer's function needs it
        from dekr.market.bars.finished_day import FinishedDayHistory  # noqa: PLC0415 - only the warmer's function needs it
        from dekr.market.bars.splits import RecentSplits  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.quotes.shared_refresh import SharedRefresh  # noqa: PLC0415 - only functions that read quotes or trades need it
        from dekr.market.warming.audit import PreloadRecord  # noqa: PLC0415 - only the warmer's function needs it
        from dekr.market.warming.nightly import NightlyHistory  # noqa: PLC0415 - only the warmer's function needs it
        from dekr.market.warming.warmer import WARMER_FRACTION, Warmer  # noqa: PLC0415 - only the warmer's function needs it

        max_per_minute = max(1, int(self._gate.per_minute * WARMER_FRACTION))
        share = BudgetShare(self._gate, "warmer", max_per_minute, self.passed_over)
        single_flight = replace(self._single_flight, gate=share)
        reader = replace(self._reader, single_flight=single_flight)
        finished_day = FinishedDayHistory(single_flight, RecentSplits(reader, self._upstream), self._upstream)
        days = DayHistory(self._bars(reader))
        night = NightlyHistory(self.demand, finished_day, days, self._warmers_charge, self.passed_over, self.store)
        shared = SharedRefresh(reader, self._upstream)
        return Warmer(self.demand, PreloadRecord(self.store), shared, night, share, self._warmers_charge, self.store)

    def _bars(self, reader: Reader) -> "Bars":
        """The service of bars on the read path of this reader."""
        from dekr.market.bars.fetch import SegmentFetches  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.bars.history_start import HistoryStart  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.bars.segment_reader import SegmentReader  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.bars.service import Bars  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.bars.splits import RecentSplits  # noqa: PLC0415 - only functions that read bars need it
        from dekr.market.bars.upstream import UpstreamBars  # noqa: PLC0415 - only functions that read bars need it

        upstream = UpstreamBars(self._upstream, reader.cache, reader.passed_over)
        fetches = SegmentFetches(upstream, reader.cache, reader.passed_over)
        segments = SegmentReader(reader, reader.single_flight, fetches, RecentSplits(reader, self._upstream))
        return Bars(segments, HistoryStart(reader, upstream), reader.now_us)

    def _warmers_charge(self) -> "RateCharge":
        """The charge under which the warmer's calls are counted. Its name begins with a control character, so it is no user's."""
        principal = Principal("\0warmer", Tier.INSTITUTIONAL_ELITE, Role.SERVICE, "")
        return self.limiter.rate_charge(principal, "warmer", data=0)

    @cached_property
    def tickets(self) -> "Tickets":
        """The tickets with which clients connect to streams that were started over HTTP."""
        from dekr.stream.started.records import StreamRecords  # noqa: PLC0415 - only functions of the stream need it
        from dekr.stream.started.tickets import Tickets  # noqa: PLC0415 - only functions of the stream need it

        return Tickets.signed_with(self.settings.cursor_secret, StreamRecords(self.store))

    @cached_property
    def streams(self) -> "Streams":
        """The service of streams that are started over HTTP."""
        from dekr.stream.registry import Registry  # noqa: PLC0415 - only functions of the stream need it
        from dekr.stream.started.streams import Streams  # noqa: PLC0415 - only functions of the stream need it

        registry, tickets, url = Registry(self.store), self.tickets, self.settings.stream_url
        return Streams(
            tickets.records,
            tickets,
            registry,
            lambda: self.connections,
            lambda: self.waker,
            url,
            lambda: token_hex(12),
        )

    @cached_property
    def conversation(self) -> "Conversation":
        """The conversation with the clients of the stream."""
        from dekr.stream.conversation.arrival import Arrival  # noqa: PLC0415 - only the function of the socket needs it
        from dekr.stream.conversation.conversation import Conversation  # noqa: PLC0415 - only the function of the socket needs it
        from dekr.stream.conversation.sign_in import SignIn  # noqa: PLC0415 - only the function of the socket needs it
        from dekr.stream.registry import Registry  # noqa: PLC0415 - only functions of the stream need it

        registry = Registry(self.store)
        sign_in = SignIn(registry, self.principals, self.waker.wake)
        arrival = Arrival(registry, sign_in, self.tickets, self._greet_later)
        return Conversation(registry, self.connections, arrival, sign_in, self.passed_over, self._now_ms)

    def _greet_later(self, event: Mapping[str, Any]) -> None:
        """Have the function of the socket run with an event of its own."""
        self.invoker.invoke(self.settings.stream_connect, event)

    def _now_ms(self) -> int:
        return self.now_us() // 1000

    @cached_property
    def connections(self) -> "Connections":
        """The connections of the stream's clients."""
        from dekr.stream.aws import Connections  # noqa: PLC0415 - it loads the HTTP client

        return Connections(self._aws, self.settings.stream_endpoint, self.passed_over)

    @cached_property
    def waker(self) -> "Waker":
        """Starts the stream's relay."""
        from dekr.stream.waker import RelayWaker  # noqa: PLC0415 - only functions of the stream need it

        return RelayWaker(self.invoker, self.settings.stream_relay, self.passed_over)

    @cached_property
    def invoker(self) -> "Invoker":
        """Invokes functions asynchronously."""
        from dekr.stream.aws import Invoker  # noqa: PLC0415 - it loads the HTTP client

        return Invoker(self._aws)

    @cached_property
    def _aws(self) -> "SignedHttp":
        from dekr.stream.aws import SignedHttp, http_client  # noqa: PLC0415 - it loads the HTTP client

        return SignedHttp(http_client(), os.environ)

    @cached_property
    def usage(self) -> "UsageBook":
        """The counts of what callers used and what the cache saved."""
        from dekr.ops.usage import UsageBook  # noqa: PLC0415 - only the admin function needs it

        return UsageBook(self.store)

    @cached_property
    def health(self) -> "HealthCheck":
        """The check whether the service can answer."""
        from dekr.ops.health import HealthCheck  # noqa: PLC0415 - only the admin function needs it
        from dekr.polygon.endpoints import FAMILIES  # noqa: PLC0415 - only the admin function needs it here

        return HealthCheck(self._gate, self.now_us, FAMILIES, self.passed_over)


@cache
def services() -> Services:
    """The services of this sandbox, made once from its environment."""
    settings = Settings.read(os.environ)
    return Services(settings, store_of(settings), directory_of(settings), _client(settings))


def _token() -> str:
    """A random token that identifies one fetch among those of all sandboxes."""
    return token_hex(8)


def store_of(settings: Settings, *, patient: bool = False) -> Store:
    """Make a link to the store. A ``patient`` one is for a program that waits for the store rather than go on without it."""
    store = _store(settings, patient=patient)
    store.clock_offset_us = settings.clock_offset_us
    return store


def _store(settings: Settings, *, patient: bool) -> Store:
    if not settings.redis_secret_arn:
        return _link(settings, settings.redis_url, patient=patient)
    from dekr.secret import read_secret  # noqa: PLC0415 - only a store with a password needs it
    from dekr.store.secret_link import SecretLink  # noqa: PLC0415 - only a store with a password needs it

    def read() -> str:
        return read_secret(settings.redis_secret_arn)

    return SecretLink(
        read, lambda url: _link(settings, url, patient=patient), settings.key_prefix, breaker=_breaker(patient=patient)
    )


def _link(settings: Settings, url: str, *, patient: bool) -> Store:
    address = patient_url(url) if patient else url
    if settings.redis_mode == "cluster":
        from dekr.store.cluster import ClusterLink  # noqa: PLC0415 - only a node-based cluster needs it

        return ClusterLink(address, settings.key_prefix, breaker=_breaker(patient=patient))
    credentials = None
    if settings.redis_auth == "iam":
        from dekr.store.iam import IamCredentials  # noqa: PLC0415 - only a store with IAM authentication needs it

        credentials = IamCredentials(settings.redis_iam_user, settings.redis_iam_cache, os.environ)
    link = Link.open(address, prefix=settings.key_prefix, credentials=credentials)
    link.breaker = _breaker(patient=patient)
    return link


def _breaker(*, patient: bool) -> LinkBreaker:
    """The breaker of a link. That of a patient one opens for the shortest time only: there is only one such program."""
    return LinkBreaker(random=lambda: 0.0) if patient else LinkBreaker()


def _verify(
    settings: Settings, store: Store, limiter: Limiter, now_us: Callable[[], int], passed_over: PassedOver
) -> Callable[[str], Principal]:
    @cache
    def tokens() -> "Tokens":
        from dekr.access.issuer_keys import IssuerKeys  # noqa: PLC0415 - only callers who come with a token need it
        from dekr.access.tokens import Tokens  # noqa: PLC0415 - only callers who come with a token need it

        def fetch() -> bytes:
            from dekr.access.jwks_http import fetch_jwks  # noqa: PLC0415 - it loads the HTTP client

            return fetch_jwks(settings.jwks_url)

        keys = IssuerKeys(settings.jwks_url, settings.jwt_algorithm, fetch, store, limiter, now_us, passed_over)
        return Tokens(settings.jwt_issuer, settings.jwt_audience, keys, now_us)

    return lambda text: tokens().verify(text)


def directory_of(settings: Settings) -> Callable[[], KeyDirectory]:
    """Make what makes the directory of keys, once."""

    @cache
    def directory() -> KeyDirectory:
        from dekr.access.directory import dynamo_directory  # noqa: PLC0415 - it loads boto3

        return dynamo_directory(settings.keys_table)

    return directory


def _client(settings: Settings) -> "Callable[[Callable[[], int]], PolygonClient]":
    def client(now_us: Callable[[], int]) -> "PolygonClient":
        from dekr.polygon.connect import connect, secret  # noqa: PLC0415 - it loads the HTTP client

        return connect(settings.polygon_base_url, secret(settings.polygon_secret_arn), now_us)

    return client
