"""Which pairs the upstream is to send, and since when each one's events are received without a break.

A pair that lost its last listener lingers: it is received for some time more, so that whoever comes back misses nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dekr.stream.relay.index import all_of

LINGER_MS: Final = 120_000
SETTLE_MS: Final = 1_000
"""So long after it was requested, a subscription has taken effect upstream, even where no event came."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window in which events are missing: after tick ``start`` up to ``end`` (ms)."""

    start: int
    end: int


class Coverage:
    """The wanted pairs and their coverage. A pair is covered after a tick: all events of later ticks are there."""

    def __init__(self, linger_ms: int = LINGER_MS, settle_ms: int = SETTLE_MS) -> None:
        self.up = False
        self._linger_ms = linger_ms
        self._settle_ms = settle_ms
        self._wanted: dict[str, int] = {}
        self._lingering: dict[str, int] = {}
        self._unsettled: set[str] = set()
        self._after: dict[str, int] = {}
        self._before: dict[str, Window] = {}
        self._cut: set[str] = set()
        """Those of ``_before`` whose listeners lost the rest, where for others there were none."""
        self._seen: set[str] = set()
        self._uncovered: set[str] = set()

    @property
    def wanted(self) -> Collection[str]:
        """The pairs that the upstream is to send."""
        return self._wanted.keys()

    def begin(self, covered: Mapping[str, int], tick: int) -> None:
        """Take over what was covered up to ``tick``, the last one of the relay before."""
        self._before = {pair: Window(since - 1, tick) for pair, since in covered.items()}
        self._uncovered, self._cut = set(covered), set(covered)

    def want(self, pairs: Iterable[str], now_ms: int) -> bool:
        """Want these pairs; returns whether the upstream is to be told."""
        told = False
        for pair in pairs:
            self._lingering.pop(pair, None)
            if pair not in self._wanted:
                self._wanted[pair] = now_ms
                self._unsettled.add(pair)
                told = True
        return told

    def was_covered(self, pair: str) -> bool:
        """Whether the relay before covered a pair when it ended, or this one did once."""
        return pair in self._before or all_of(pair) in self._before

    def release(self, pairs: Iterable[str], now_ms: int) -> None:
        """Let these pairs linger: nobody listens to them."""
        for pair in pairs:
            self._lingering[pair] = now_ms + self._linger_ms

    def expire(self, last: int, now_ms: int) -> list[str]:
        """Take out the pairs that have lingered long enough, and return them. ``last``: the last tick that was written."""
        ended = [pair for pair, until_ms in self._lingering.items() if until_ms <= now_ms]
        for pair in ended:
            del self._lingering[pair], self._wanted[pair]
            self._unsettled.discard(pair)
            self._cut.discard(pair)
            self._break(pair, last)
        return ended

    def feed_up(self, now_ms: int) -> int:
        """The upstream accepts subscriptions. Returns when they have taken effect (ms)."""
        self.up = True
        self._wanted = dict.fromkeys(self._wanted, now_ms)
        self._unsettled = set(self._wanted)
        return now_ms + self._settle_ms

    def feed_down(self, last: int) -> None:
        """The upstream sends nothing any more. ``last``: the last tick before which all is there."""
        self.up = False
        self._seen.clear()
        self._cut.update(self._after)
        for pair in tuple(self._after):
            self._break(pair, last)

    def refuse(self, pairs: Iterable[str], last: int) -> None:
        """The upstream does not send these pairs. ``last``: the last tick."""
        for pair in pairs:
            self._unsettled.discard(pair)
            self._break(pair, last)

    def seen(self, pairs: Iterable[str]) -> None:
        """Take note that events of these pairs came: they are subscribed to."""
        if self.up and self._unsettled:
            for pair in pairs:
                if pair in self._unsettled:
                    self._seen.add(pair)
                elif pair not in self._wanted and (whole := all_of(pair)) in self._unsettled:
                    self._seen.add(whole)

    def changes(self, last: int, now_ms: int) -> tuple[set[str], set[str]]:
        """Return the pairs that the tick which is written now covers, and those that are not covered any more.

        ``last``: the tick before.
        """
        covered = self._seen & self._unsettled
        if self.up and self._unsettled:
            covered |= {pair for pair in self._unsettled if now_ms - self._wanted[pair] >= self._settle_ms}
        self._unsettled -= covered
        self._after.update(dict.fromkeys(covered, last))
        uncovered, self._uncovered, self._seen = self._uncovered - covered, set(), set()
        return covered, uncovered

    def missing(self, pair: str, since: int, now_ms: int) -> Window | None:
        """The window after tick ``since`` in which events of the pair are missing; None where all are there."""
        now = min((self._after[each] for each in (pair, all_of(pair)) if each in self._after), default=None)
        if now is not None and now <= since:
            return None
        end = self._expected(pair, now_ms) if now is None else now
        name = pair if pair in self._before else all_of(pair)
        before = self._before.get(name)
        if before is None or before.start > since:
            return Window(since, max(since, end))
        # Within an outage a cursor may be newer than the last event: acknowledgements have one, too.
        start = before.end if name in self._cut else max(since, before.end)
        return Window(start, max(start, end))

    def _expected(self, pair: str, now_ms: int) -> int:
        """When the events of a pair that is not covered are expected to come."""
        return max(now_ms, self._wanted.get(pair, now_ms) + self._settle_ms) if self.up else now_ms

    def _break(self, pair: str, last: int) -> None:
        after = self._after.pop(pair, None)
        if after is not None:
            self._before[pair] = Window(after, last)
            self._uncovered.add(pair)
