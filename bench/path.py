"""``python -m bench.path``: follows a quote and a page of day bars through the code, each as a miss and as a hit.

The request runs through the real Lambda handler on a real Redis, after other requests have imported and built all that it
uses. Calls and returns are observed (``sys.setprofile``); a generator resumes by a call and yields by a return.

The miss of a quote is that of the one ticker which has been read before, after its quote has aged: with a second ticker in demand
a miss would fetch the whole market (``dekr.market.quotes.refresh_policy``). The counts of demand are sent before it, so that it
does not carry them. The miss of bars is that of a ticker of which nothing is cached.

- A file is one of ``functions/`` or ``layers/common/dekr`` in which a function runs. Library code and generated methods count
  as the file that called them. What the fakes of the upstream and the key directory call is left out.
- A move is a call or a return after which another file runs than before.
- The request goes back to a file with each move into it but the first.
- A callback is a call into a file that is still waiting for a call of its own to return.
"""

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from bench.readme import table
from dekr.store import Store
from dekr.store.link import Link
from dekr.tiers import Tier
from tests.patience import patient
from tests.redis_servers import redis_single
from tests.world import Context, World, event, load

ROOT: Final = Path(__file__).parents[1]
OURS: Final = (f"{ROOT}/functions/", f"{ROOT}/layers/common/dekr/")
FAKES: Final = f"{ROOT}/tests/"
READER: Final = Tier.INSTITUTIONAL_ELITE
REQUESTS: Final = {
    "a quote": ("quote", "/quote/{}", "WARM"),
    "a page of day bars": ("bars", "/market-data/{}?limit=100", "AAPL"),
}
"""Each request's Lambda function, its path, and the ticker that is followed after WARM has been read."""


@dataclass(slots=True)
class Way:
    """The way of one request. ``steps``: the files, in order, a file again each time the request goes back to it.
    ``callbacks``: the number of callbacks into each file.
    """

    steps: list[str] = field(default_factory=list)
    callbacks: Counter[str] = field(default_factory=Counter)
    _stack: list[str] = field(default_factory=lambda: [""])

    @property
    def files(self) -> tuple[str, ...]:
        """Each file once, in the order of their first entry."""
        return tuple(dict.fromkeys(self.steps))

    @property
    def moves(self) -> int:
        """The number of moves from one file to another."""
        return len(self.steps) - 1

    @property
    def back(self) -> Counter[str]:
        """The number of times that the way goes back to each file."""
        return Counter(self.steps) - Counter(self.files)

    def follow[T](self, run: Callable[[], T]) -> T:
        """Run a function and record its way; return its result."""
        sys.setprofile(self._see)
        try:
            return run()
        finally:
            sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._stack.append(self._file(frame.f_code.co_filename))
        elif event == "return" and len(self._stack) > 1:
            self._stack.pop()
        here = self._stack[-1]
        if here in ("", FAKES) or self.steps[-1:] == [here]:
            return
        self.steps.append(here)
        if event == "call" and here in self._stack[:-1]:
            self.callbacks[here] += 1

    def _file(self, name: str) -> str:
        caller = self._stack[-1]
        if caller == FAKES or (caller and name.startswith(FAKES)):
            return FAKES
        return name.removeprefix(f"{ROOT}/") if name.startswith(OURS) else caller


def ways(store: Store) -> Iterator[tuple[str, Way]]:
    """The way of each request, by name: its miss, then its hit. The store must be empty."""
    world = World(store)
    world.to("2026-11-20T15:00:00Z")
    headers = {"x-api-key": world.key(READER), "accept": "application/json"}
    for name, (function, path, followed) in REQUESTS.items():
        module = load(function)
        module.edge._wire = lambda: world.services  # noqa: SLF001 - the seam of the edge
        for ticker, kind in (("WARM", ""), ("WARM", ""), (followed, "miss"), (followed, "hit")):
            if kind == "miss":
                world.later(READER.policy.real_time_s + 1)
                world.store.run(*world.services.demand.all())
            way, request, context = Way(), event(path.format(ticker), headers), Context()
            with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
                answer = way.follow(lambda: module.handler(request, context))  # noqa: B023 - runs at once
            assert answer["statusCode"] == 200, answer  # noqa: PLR2004 - OK
            if kind:
                yield f"{name}, {kind}", way


def main() -> None:
    """Print a table for each way."""
    with redis_single() as server, contextlib.closing(patient(Link.open(server.url))) as link:
        for name, way in ways(link):
            totals = f"{len(way.files)} files, {way.moves} moves, back to a file {way.back.total()} times"
            print(f"\n{name}: {totals}, {way.callbacks.total()} callbacks\n")
            rows = [(file, str(way.back[file]), str(way.callbacks[file])) for file in way.files]
            print("\n".join(table(("file", "back", "callbacks"), rows)))


if __name__ == "__main__":
    main()
