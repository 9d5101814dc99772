"""Find keys by a pattern in a store that holds any number of them."""

import itertools
from collections.abc import Iterator
from typing import Final

from dekr.store.command import plain
from dekr.store.link import Store

KEYS_PER_CALL: Final = 10_000
"""The number of keys that the store looks at in one call of SCAN, which takes some milliseconds."""


def scan(shard: Store, pattern: str, max_calls: int | None = None) -> Iterator[bytes | None]:
    """Yield each key of one shard that matches the pattern (glob style, as SCAN takes it), once.

    The last item is None where the scan was broken off after ``max_calls`` calls, so that not all keys were seen. Raises
    StoreDown.
    """
    cursor = b"0"
    seen: set[bytes] = set()
    for call in itertools.count(1):
        ((cursor, keys),) = shard.run(plain("SCAN", cursor.decode(), "MATCH", pattern, "COUNT", KEYS_PER_CALL))
        # SCAN may return a key more than once.
        yield from (key for key in keys if key not in seen)
        seen.update(keys)
        if cursor == b"0":
            return
        if call == max_calls:
            yield None
            return
