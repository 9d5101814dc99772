"""Conflation: what waits for a slow connection is reduced to what is of use to it.

Of quotes and aggregates the latest of each symbol replaces all before it; of trades the newest are kept. Who listens to the
aggregates of all symbols gets those of a tick that no other one replaces.
"""

import re
from collections.abc import Sequence
from typing import Final

from dekr.stream.delivery.batches import Batch, Chunk
from dekr.stream.pairs import Channel

_TRADES = f"{Channel.TRADES.value}."
_START: Final = re.compile(rb'"s"\s*:\s*(\d+)')


def conflate(batches: Sequence[Batch], trade_bytes: int) -> int:
    """Leave the latest quote, aggregate and band of each symbol in these batches, and the newest trades that fit into
    ``trade_bytes``. Order stays as it is. Returns how many events were left out.
    """
    seen: set[str] = set()
    dropped = 0
    for batch in reversed(batches):
        kept: list[Chunk] = []
        for chunk in reversed(batch.chunks):
            if not chunk.pairs:
                kept.append(chunk)
                continue
            picked: list[int] = []
            for at in range(len(chunk.pairs) - 1, -1, -1):
                pair = chunk.pairs[at]
                if pair.startswith(_TRADES):
                    trade_bytes -= len(chunk.texts[at])
                    if trade_bytes >= 0:
                        picked.append(at)
                elif pair not in seen:
                    seen.add(pair)
                    picked.append(at)
            dropped += len(chunk.pairs) - len(picked)
            if len(picked) == len(chunk.pairs):
                kept.append(chunk)
            elif picked:
                picked.reverse()
                texts = tuple(chunk.texts[at] for at in picked)
                kept.append(Chunk(b",".join(texts), texts, tuple(chunk.pairs[at] for at in picked)))
        kept.reverse()
        batch.chunks = kept
    return dropped


def unreplaced(aggregates: Sequence[bytes]) -> Sequence[bytes]:
    """Leave out those aggregates of one symbol that a later one replaces: that of the same start, sent again for a late trade."""
    if len(aggregates) == 1:
        return aggregates
    last: dict[bytes, int] = {}
    for at, text in enumerate(aggregates):
        start = _START.search(text)
        last[start[1] if start else text] = at
    return [aggregates[at] for at in sorted(last.values())]
