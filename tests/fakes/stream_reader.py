"""A client of the stream that believes nothing: it checks numbers, acknowledgements and named gaps, over all of its connections."""

from dataclasses import dataclass, field
from typing import Any

from dekr.stream.relay.index import matches
from tests.fakes.relay_world import pair_of


@dataclass
class Reader:
    """``held``: the pairs that it has been told it has, each with the last number seen (0: none yet). ``repeats``: events that came
    again. ``cursor``: where it is.
    """

    held: dict[str, int] = field(default_factory=dict)
    repeats: int = 0
    cursor: str = ""
    _jumps: set[str] = field(default_factory=set)

    def read(self, frames: list[list[dict[str, Any]]]) -> None:
        """Read frames. Raises AssertionError where something is missing, without a word about it, or comes unasked for."""
        for frame in frames:
            assert frame[0].get("status") in {None, "success", "error"}, frame[0]
            for item in frame:
                self._read(item)
            self.cursor = frame[-1]["_c"]

    def _read(self, item: dict[str, Any]) -> None:
        if pair := pair_of(item):
            self._event(pair, item["_n"])
            return
        action, _, pair = item["message"].partition(": ")
        if item["status"] == "success" and action == "subscribed to":
            self.held.setdefault(pair, 0)
        elif item["status"] == "success" and action == "unsubscribed to":
            self.held.pop(pair, None)
        elif item["status"] == "gap":
            self._jumps |= set(item["pairs"])

    def _event(self, pair: str, number: int) -> None:
        assert matches(pair, self.held), f"{pair} came unasked for"
        last = self.held.get(pair, 0)
        if number <= last:
            self.repeats += 1
            return
        assert not last or number == last + 1 or pair in self._jumps, f"{pair}: {number} after {last}"
        self._jumps.discard(pair)
        self.held[pair] = number
