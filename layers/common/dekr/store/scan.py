"""Keys by pattern, from a store that holds any number of them."""

import itertools
from collections.abc import Iterator
from typing import Final

from dekr.store.command import plain
from dekr.store.link import Store

KEYS_A_STEP: Final = 10_000
"""How many keys the store looks at before it answers: some milliseconds."""


def scan(shard: Store, pattern: str, max_steps: int | None = None) -> Iterator[bytes | None]:
    """Yield each key of one shard that matches the pattern (glob style, as SCAN takes it), once.

    Ends with None where the look was broken off after ``max_steps`` steps, so that not all keys were seen. Raises StoreDown.
    """
    cursor = b"0"
    seen: set[bytes] = set()
    for step in itertools.count(1):
        ((cursor, keys),) = shard.run(plain("SCAN", cursor.decode(), "MATCH", pattern, "COUNT", KEYS_A_STEP))
        # SCAN may return a key more than once.
        yield from (key for key in keys if key not in seen)
        seen.update(keys)
        if cursor == b"0":
            return
        if step == max_steps:
            yield None
            return
