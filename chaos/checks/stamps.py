"""The stamps of an entry never go back, but where the store's data was lost, or where the clock was set back: a stamp that lies
ahead of the clock says nothing.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chaos.history import History, Sample, Violation

AHEAD_US: Final = 1_000_000
"""A stamp so far ahead of the clock is still believed."""


def stamps(history: History) -> Iterator[Violation]:
    """Entries that were replaced by older ones."""
    of_key: dict[str, list[Sample]] = defaultdict(list)
    for sample in history.samples:
        if sample.stamp_us:
            of_key[sample.key].append(sample)
    for samples in of_key.values():
        for one, other in pairwise(samples):
            if other.stamp_us >= one.stamp_us or history.losses(one.first_us, other.last_us):
                continue
            if one.stamp_us <= history.timeline.earliest(one.first_us, other.last_us) + AHEAD_US:
                yield Violation("stamps never go back", f"{one} and then {other}")
