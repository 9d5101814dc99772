"""An upstream that plays a script, for one client under test: what it is sent, what it answers, and a clock that stands
still unless somebody waits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from dekr.deadline import Deadline
from dekr.gate.call import Attempt, CallOutcome, Family
from dekr.polygon.client import PolygonClient
from dekr.polygon.transport import Transport

KEY = "fake-key-not-real"
NOW_US = 1_795_186_800_000_000
"""2026-11-20 15:00 UTC."""

type Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def ok(results: object = None, **fields: object) -> httpx.Response:
    """A 200 in the usual envelope."""
    body: dict[str, object] = {"status": "OK", "request_id": "r"} | fields
    return httpx.Response(200, json=body if results is None else body | {"results": results})


def quote(**fields: object) -> dict[str, Any]:
    """The results of ``/v2/last/nbbo/AAPL``, a second old."""
    ns = (NOW_US - 1_000_000) * 1000
    sides = {"p": 127.96, "s": 1, "x": 11, "P": 127.98, "S": 7, "X": 19}
    return {"T": "AAPL", **sides, "q": 83480742, "t": ns, "y": ns, "z": 3} | fields


def bar(t: int = 1_795_100_000_000, **fields: object) -> dict[str, Any]:
    """Return a valid bar that starts at ``t`` ms."""
    return {"o": 10.5, "h": 12, "l": 10, "c": 11.25, "v": 1000, "vw": 11.0625, "n": 12, "t": t} | fields


@dataclass
class FakeTime:
    """A monotonic clock; ``sleep`` moves it."""

    now_s: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@dataclass
class FakeCall:
    """A permitted call. ``refusal``: the error that is raised in the place of payment."""

    deadline: Deadline
    refusal: Exception | None = None
    paid: list[str] = field(default_factory=list)
    observed: list[tuple[str, CallOutcome, float]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    pause_s: float = 0.0

    def spend(self, family: Family) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.paid.append(family.name)

    def observe(self, attempt: Attempt) -> None:
        self.observed.append((attempt.family.name, attempt.outcome, attempt.seconds))
        self.attempts.append(attempt)
        self.pause_s = max(self.pause_s, attempt.pause_s)

    @property
    def outcomes(self) -> list[CallOutcome]:
        return [outcome for _, outcome, _ in self.observed]


@dataclass
class ScriptedUpstream:
    """An upstream that plays ``steps`` in order, one a request. ``keys``: the API keys that successive reads return."""

    steps: list[Step] = field(default_factory=list)
    keys: list[str] = field(default_factory=lambda: [KEY])
    time: FakeTime = field(default_factory=FakeTime)
    random: float = 0.5
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._unread: Iterator[str] = iter(self.keys)
        http = httpx.Client(base_url="https://upstream.test", transport=httpx.MockTransport(self._play))
        self.transport = Transport(http, lambda: next(self._unread), self.time.monotonic)
        self.client = PolygonClient(self.transport, lambda: NOW_US, lambda: self.random, self.time.sleep)

    def call(self, seconds: float = 20.0) -> FakeCall:
        """Return a permitted call with this many seconds left."""
        return FakeCall(self.deadline(seconds))

    def deadline(self, seconds: float = 20.0) -> Deadline:
        """A deadline on this clock."""
        return Deadline.after(seconds, self.time.monotonic)

    def _play(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)
