"""The counts of what callers used and what the cache saved: of one caller's present day, and of the whole store.

Each caller's hash (see ``dekr.access.limits``) counts by class of data: ``c:`` those that were requested, ``m:`` those that the
cache did not have, ``u:`` upstream calls made for them; ``used`` is what counts against the limits. It begins anew each UTC day.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dekr.access.limits import DAY_S, Admission, RateCharge
from dekr.access.principal import Principal
from dekr.cache import keys
from dekr.errors import StoreDown
from dekr.store import Store, plain
from dekr.store.scan import scan
from dekr.times import rfc3339

CHUNK: Final = 1_000
"""The most commands in one round trip."""

MAX_SCANS: Final = 100
"""A scan of the whole store ends after so many steps (dekr.store.scan); its result says that it is not complete."""

_FIGURES: Final = (
    "used_memory",
    "connected_clients",
    "total_commands_processed",
    "keyspace_hits",
    "keyspace_misses",
)


@dataclass(slots=True)
class Counts:
    """How many ``data`` were requested, how many of them were ``fetched`` because the cache did not have them, and the upstream
    ``calls`` made for them, each by class; and the number of ``requests``.
    """

    requests: int = 0
    data: Counter[str] = field(default_factory=Counter)
    fetched: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)

    def add(self, reply: Mapping[bytes, bytes], day: int) -> None:
        """Add the counts in a caller's hash, if they are of this ``day`` (counted from the epoch)."""
        if reply.get(b"day") != b"%d" % day:
            return
        self.requests += int(reply.get(b"used", 0))
        kinds = {b"c": self.data, b"m": self.fetched, b"u": self.calls}
        for name, count in reply.items():
            kind, _, data_class = name.partition(b":")
            if kind in kinds:
                kinds[kind][data_class.decode()] += int(count)

    @property
    def hit_ratio(self) -> float | None:
        """The fraction (0 to 1) of the requested data that the cache had; None before the first."""
        requested = self.data.total()
        return (requested - self.fetched.total()) / requested if requested else None


@dataclass(frozen=True, slots=True, eq=False)
class UsageBook:
    """Reads the counts in the store, and drops what it keeps of a ticker."""

    store: Store

    def of_caller(self, principal: Principal, charge: RateCharge) -> tuple[Admission, dict[str, Any]]:
        """The caller's admission by this ``charge``, and what it has used today, as ``dekr.models.operations.Usage``.

        Raises RateLimited, StoreDown.
        """
        (key,) = charge.command.keys
        reply, raw = self.store.run(charge.command, plain("HGETALL", key))
        admission = charge.resolve(reply)
        day = admission.now_us // 1_000_000 // DAY_S
        counts = Counts()
        counts.add(_pairs(raw), day)
        policy = principal.tier.policy
        return admission, {
            "user": principal.user_id,
            "tier": int(principal.tier),
            "day": rfc3339(day * DAY_S * 10**9)[:10],
            "used": counts.requests,
            "per_day": policy.per_day,
            "left": None if policy.per_day is None else max(0, policy.per_day - counts.requests),
            "resets_at": rfc3339((day + 1) * DAY_S * 10**9),
            "per_minute": policy.per_minute,
            "burst": policy.burst,
            "classes": {
                kind: {"data": data, "fetched": counts.fetched[kind], "upstream_calls": counts.calls[kind]}
                for kind, data in sorted(counts.data.items())
                if data
            },
            "hit_ratio": counts.hit_ratio,
        }

    def of_all(self, now_us: int) -> dict[str, Any]:
        """The store's figures, its entries by class and the counts of all callers' present day, as
        ``dekr.models.operations.CacheStats``.

        ``now_us``: microseconds since the epoch. Raises StoreDown.
        """
        figures: Counter[str] = Counter()
        entries: Counter[str] = Counter()
        counts = Counts()
        complete = True
        day = now_us // 1_000_000 // DAY_S
        prefix = self.store.prefix
        for shard in self.store.shards():
            figures.update(_figures(shard))
            callers: list[bytes] = []
            for key in scan(shard, keys.all_keys(prefix), MAX_SCANS):
                if key is None:
                    complete = False
                elif keys.is_caller(key, prefix):
                    callers.append(key)
                elif kind := keys.kind_of(key, prefix):
                    entries[kind] += 1
            for start in range(0, len(callers), CHUNK):
                for raw in shard.run(*(plain("HGETALL", key.decode()) for key in callers[start : start + CHUNK])):
                    counts.add(_pairs(raw), day)
        data, calls = counts.data.total(), counts.calls.total()
        return {
            **{name: figures.get(name) for name in _FIGURES},
            "entries": dict(sorted(entries.items())),
            "complete": complete,
            "requests": counts.requests,
            "data": data,
            "fetched": counts.fetched.total(),
            "upstream_calls": calls,
            "saved_calls": sum(max(0, count - counts.calls[kind]) for kind, count in counts.data.items()),
            "hit_ratio": counts.hit_ratio,
        }

    def drop(self, ticker: str) -> int:
        """Drop every entry of a ticker and return how many there were. Raises StoreDown."""
        dropped = 0
        for shard in self.store.shards():
            # However many keys there are: an entry that is left would be served.
            found = scan(shard, keys.entry(self.store.prefix, ticker, "*"))
            names = [key.decode() for key in found if key is not None]
            for start in range(0, len(names), CHUNK):
                dropped += sum(shard.run(*(plain("UNLINK", key) for key in names[start : start + CHUNK])))
        return dropped


def _figures(shard: Store) -> dict[str, int]:
    """The shard's own figures (https://valkey.io/commands/info); none where it refuses to tell them."""
    try:
        (raw,) = shard.run(plain("INFO", "everything"))
    except StoreDown:
        return {}
    lines = (line.partition(":") for line in raw.decode().splitlines())
    return {name: int(value) for name, _, value in lines if name in _FIGURES}


def _pairs(raw: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(raw[::2], raw[1::2], strict=True))
