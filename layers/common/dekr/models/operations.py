"""The shapes of what callers and operators read of the service itself."""

from dekr.models.common import Moment, Number, Shape, Symbol


class Health(Shape):
    """Whether the service and what it depends on (the shared store and the data provider) work. ``clock_offset_ms``: by how much
    the service's clock is ahead of the store's; null while the store cannot be reached.
    """

    status: str
    store: str
    upstream: str
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
