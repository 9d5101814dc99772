"""The one place where objects are made.

``services()`` makes them once for the sandbox, from the environment; tests call ``build`` with their own edges. What a
hit does not need (HTTP client, AWS clients) is imported and made on first use.
"""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING

from dekr.access.directory import KeyDirectory
from dekr.access.limits import Limiter
from dekr.access.principals import Principals
from dekr.cache.tier_cache import TierCache
from dekr.config import Settings
from dekr.market.bars import Bars
from dekr.market.flow import Flow
from dekr.market.health import HealthCheck
from dekr.market.quotes import LADDER, Quotes
from dekr.polygon.gate import Gate, LocalGate
from dekr.store import Store
from dekr.store.link import Link

if TYPE_CHECKING:
    from dekr.polygon.client import PolygonClient


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a function may need."""

    settings: Settings
    store: Store
    principals: Principals
    limiter: Limiter
    quotes: Quotes
    bars: Bars
    health: HealthCheck
    now_us: Callable[[], int]


@cache
def services() -> Services:
    """The services of this sandbox, from its environment."""
    settings = Settings.read(os.environ)
    return build(settings, _store(settings), _directory(settings), _client(settings))


def build(
    settings: Settings,
    store: Store,
    directory: Callable[[], KeyDirectory],
    client: "Callable[[Callable[[], int]], PolygonClient]",
    sleep: Callable[[float], None] = time.sleep,
) -> Services:
    """The services on this store, key directory and upstream client (the last two made on first use)."""

    def now_us() -> int:
        return time.time_ns() // 1000 + store.clock_offset_us

    @cache
    def upstream() -> "PolygonClient":
        return client(now_us)

    limiter = Limiter(store, now_us)
    gate = Gate(store, settings.per_minute, token_hex_8)
    flow = Flow(
        TierCache(store),
        gate,
        LocalGate(settings.per_minute, now_us),
        now_us,
        sleep,
        random.random,
        settings.stale_s * 1_000_000,
    )
    return Services(
        settings,
        store,
        Principals(store, directory, limiter, now_us),
        limiter,
        Quotes(flow, upstream),
        Bars(flow, upstream),
        HealthCheck(gate, LADDER, now_us),
        now_us,
    )


def token_hex_8() -> str:
    """A token that no other fetch has."""
    return token_hex(8)


def _store(settings: Settings) -> Store:
    credentials = None
    if settings.redis_auth == "iam":
        from dekr.store.iam import IamCredentials  # noqa: PLC0415 - only where the store asks for it

        credentials = IamCredentials(settings.redis_iam_user, settings.redis_iam_cache, os.environ)
    if settings.redis_mode == "cluster":
        from dekr.store.cluster import ClusterLink  # noqa: PLC0415 - only on a node-based cluster

        return ClusterLink(settings.redis_url, settings.key_prefix, credentials=credentials)
    return Link.open(settings.redis_url, prefix=settings.key_prefix, credentials=credentials)


def _directory(settings: Settings) -> Callable[[], KeyDirectory]:
    @cache
    def directory() -> KeyDirectory:
        from dekr.access.directory import dynamo_directory  # noqa: PLC0415 - with it comes boto3

        return dynamo_directory(settings.keys_table)

    return directory


def _client(settings: Settings) -> "Callable[[Callable[[], int]], PolygonClient]":
    def client(now_us: Callable[[], int]) -> "PolygonClient":
        from dekr.polygon.connect import connect, secret  # noqa: PLC0415 - with it comes the HTTP client

        return connect(str(settings.polygon_base_url), secret(settings.polygon_secret_arn), now_us)

    return client
