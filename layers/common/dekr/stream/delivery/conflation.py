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
    latest = _latest(batches)
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
                elif chunk.texts[at] is latest[pair]:
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


def start_of(event: bytes) -> int:
    """The start of an aggregate (ms); 0 for another event. The latest aggregate is that of the latest start: the one of an earlier
    second or minute may be sent again after it.
    """
    found = _START.search(event)
    return int(found[1]) if found else 0


def _latest(batches: Sequence[Batch]) -> dict[str, bytes]:
    """The latest event of each pair but those of trades."""
    latest: dict[str, bytes] = {}
    starts: dict[str, int] = {}
    for batch in batches:
        for chunk in batch.chunks:
            for pair, text in zip(chunk.pairs, chunk.texts, strict=False):
                if not pair.startswith(_TRADES) and (start := start_of(text)) >= starts.get(pair, 0):
                    latest[pair], starts[pair] = text, start
    return latest


def unreplaced(aggregates: Sequence[bytes]) -> Sequence[bytes]:
    """Leave out those aggregates of one symbol that a later one replaces: that of the same start, sent again for a late trade."""
    if len(aggregates) == 1:
        return aggregates
    last: dict[bytes, int] = {}
    for at, text in enumerate(aggregates):
        start = _START.search(text)
        last[start[1] if start else text] = at
    return [aggregates[at] for at in sorted(last.values())]
