"""Reads the stamps of entries directly from the store, bypassing the service and the proxies."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import redis
from redis.exceptions import RedisError

from chaos.history import Sample
from chaos.trace import LISTED

STAMP_DIGITS = 16
"""An entry begins with its stamp, in this many digits."""

_SCAN_EVERY = 20
_KINDS = ("quote", "trade", "snapshot", "universal")


@dataclass(slots=True)
class Sampler:
    """Samples the stamps of entries. ``client`` returns a client of the present primary."""

    client: Callable[[], redis.Redis]
    samples: list[Sample] = field(default_factory=list)
    _keys: list[str] = field(default_factory=lambda: [f"dekr:{{{t}}}:{kind}" for t in LISTED for kind in _KINDS])
    _rounds: int = 0

    def sample(self) -> None:
        """Read the stamp of every known entry once. An unreachable store gives no samples."""
        try:
            with closing(self.client()) as client:
                if self._rounds % _SCAN_EVERY == 0:
                    self._find_keys(client)
                self._rounds += 1
                first_us = time.time_ns() // 1000
                pipeline = client.pipeline(transaction=False)
                for key in self._keys:
                    pipeline.getrange(key, 0, STAMP_DIGITS - 1)
                stamps = pipeline.execute()
                last_us = time.time_ns() // 1000
        except RedisError:
            return
        for key, text in zip(self._keys, stamps, strict=True):
            stamp_us = int(text) if text else 0
            self.samples.append(Sample(key, first_us, last_us, stamp_us))

    def _find_keys(self, client: redis.Redis) -> None:
        """Add the keys of bars and news, which are not known beforehand."""
        for raw in client.scan_iter(match="dekr:{*}:*", count=1000):
            key = raw.decode()
            slot, _, name = key.removeprefix("dekr:{").partition("}:")
            if slot in LISTED and name.startswith(("bars:", "news:")) and key not in self._keys:
                self._keys.append(key)
