"""The shapes of what callers and operators read of the service itself."""

from dekr.models.common import Moment, Number, Shape, Symbol


class EndpointHealth(Shape):
    """The state of one family of the data provider's endpoints.

    ``state``: ``up``, ``failing`` (calls are paused), ``unreachable`` (no connection), ``denied`` (the data plan is believed to
    lack it) or ``unused`` (no call in the last hours). ``until``: when it is tried again; null where the next request does so.
    ``last_success``: its last answer with data; null where there was none in the last hours.
    """

    state: str
    until: Moment | None
    last_success: Moment | None


class Health(Shape):
    """Whether the service and what it depends on (the shared store and the data provider) work.

    ``status``: ``ok``; ``degraded`` where it answers, but the data provider fails, cannot be reached, or refuses what it
    gave before; ``unavailable`` where the store or the clocks fail. ``store``: ``up``, ``read_only`` (it refuses writes), ``down``.
    ``clock_offset_ms``: by how much the service's clock is ahead of the store's; null while the store cannot be reached.
    """

    status: str
    store: str
    upstream: str
    endpoints: dict[str, EndpointHealth]
    clock_offset_ms: int | None
    time: Moment


class ClassUsage(Shape):
    """The use of one class of data. ``data`` is the number of data that were requested, each symbol of a batch counted; ``fetched``
    is how many of them the cache did not have.
    """

    data: int
    fetched: int
    upstream_calls: int


class Usage(Shape):
    """The caller's use on the present UTC day. ``per_day`` and ``left`` are null for a tier without a daily cap. ``hit_ratio`` is
    null before the first request.
    """

    user: str
    tier: int
    day: str
    used: int
    per_day: int | None
    left: int | None
    resets_at: Moment
    per_minute: int
    burst: int
    classes: dict[str, ClassUsage]
    hit_ratio: Number | None


class CacheStats(Shape):
    """The state of the cache: the store's own figures (null where it does not report them), the number of entries by class, and the
    calls that the cache saved on the present UTC day.

    ``saved_calls``: in each class, the requested data less the calls to the data provider (0 where long ranges took more calls),
    added up. ``complete`` is false where the store holds so many keys that not all were counted.
    """

    used_memory: int | None
    connected_clients: int | None
    total_commands_processed: int | None
    keyspace_hits: int | None
    keyspace_misses: int | None
    entries: dict[str, int]
    complete: bool
    requests: int
    data: int
    fetched: int
    upstream_calls: int
    saved_calls: int
    hit_ratio: Number | None


class ForgottenDenials(Shape):
    """The endpoint families that the data plan was believed to lack, or suspected of it, and that are tried again from now on."""

    families: list[str]


class Dropped(Shape):
    """The number of entries of a symbol that were dropped."""

    symbol: Symbol
    dropped: int
