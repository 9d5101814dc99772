"""Takes what arrived from upstream: events are split, numbered and counted; all else is handed on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dekr.stream.delivery.batches import LARGEST_EVENT
from dekr.stream.delivery.stats import Counts
from dekr.stream.ports import FeedDown, FeedFrame, FeedMessage, FeedRefused, FeedUp, NumberedEvent
from dekr.stream.relay.split import split


@dataclass(slots=True)
class Taken:
    """The upstream's messages since the last tick. ``events``: in order; those from ``fresh`` on came after all news of the
    connection. ``news``: of the feed, in order. ``first_us`` and ``last_us``: when the first and the last frame came; 0: none.
    """

    events: list[NumberedEvent] = field(default_factory=list)
    news: list[FeedUp | FeedDown | FeedRefused] = field(default_factory=list)
    fresh: int = 0
    first_us: int = 0
    last_us: int = 0


class Intake:
    """Numbers events: each pair's numbers rise by one."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self._numbers: dict[str, int] = {}

    def begin(self, numbers: Mapping[str, int]) -> None:
        """Go on after these numbers."""
        self._numbers = dict(numbers)

    def take(self, messages: Iterable[FeedMessage]) -> Taken:
        """Take messages."""
        taken = Taken()
        for message in messages:
            if isinstance(message, FeedFrame):
                taken.first_us = taken.first_us or message.received_us
                taken.last_us = message.received_us
                self._split(message.text, taken.events)
            else:
                taken.news.append(message)
                if not isinstance(message, FeedRefused):
                    taken.fresh = len(taken.events)
        self.counts.events += len(taken.events)
        return taken

    def _split(self, text: str, events: list[NumberedEvent]) -> None:
        numbers = self._numbers
        for pair, raw in split(text, self.counts.leave_out):
            if len(raw) > LARGEST_EVENT:
                self.counts.leave_out("too large")
                continue
            number = numbers[pair] = numbers.get(pair, 0) + 1
            events.append(NumberedEvent(pair, number, raw))
