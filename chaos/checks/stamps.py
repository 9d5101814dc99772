"""The stamps of an entry never decrease, unless the store's data was lost or the clock was set back.

A stamp that lies ahead of the clock may be replaced by any other.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from chaos.history import History, Sample, Violation

AHEAD_US: Final = 1_000_000
"""A stamp up to this far ahead of the clock is still valid."""


def stamps(history: History) -> Iterator[Violation]:
    """Yield the entries that were replaced by older ones."""
    samples_by_key: dict[str, list[Sample]] = defaultdict(list)
    for sample in history.samples:
        if sample.stamp_us:
            samples_by_key[sample.key].append(sample)
    for samples in samples_by_key.values():
        for earlier, later in pairwise(samples):
            if later.stamp_us >= earlier.stamp_us or history.losses(earlier.first_us, later.last_us):
                continue
            if earlier.stamp_us <= history.timeline.earliest(earlier.first_us, later.last_us) + AHEAD_US:
                yield Violation("stamps never go back", f"{earlier} and then {later}")
