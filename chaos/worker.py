"""One sandbox of the service, in a process of its own: the real handlers, store link and upstream client. It asks itself for what
the trace says, and writes down every answer at once, so that a kill loses nothing that was answered.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, TextIO, cast

from bench.stampede import FAKE_KEY
from chaos import handouts, trace
from chaos.driven import QUIET, RECOVERED, RUNNING, Board, DrivenStore
from chaos.history import Answer
from chaos.trace import Request
from chaos.watched import Watched
from dekr.access.directory import KeyRecord
from dekr.polygon.client import PolygonClient
from dekr.polygon.connect import connect
from dekr.store.link import Link
from tests.fakes.directory import FakeDirectory
from tests.routes import route_of
from tests.world import Context, World, event, load

LONGEST_MS: Final = 29_000
THINKING_S: Final = 0.02
"""Mean time between an answer and the next request."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is told: ``keys`` are the users' API keys, ``records`` what the directory knows of them."""

    name: str
    slot: int
    seed: str
    store_url: str
    upstream_url: str
    per_minute: int
    stale_s: int
    keys: dict[str, str]
    records: tuple[KeyRecord, ...]
    path: Path


def work(orders: Orders, board: Board) -> None:
    """Ask until told to stop, then once more for everything, and end."""
    with orders.path.open("a", buffering=1) as lines, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        worker = Worker(orders, board, lines)
        worker.warm_up()
        worker.note("ready", {})
        random = Random(orders.seed)
        asked = trace.requests(random)
        while board.phase == RUNNING:
            worker.ask(next(asked), recovery=False)
            time.sleep(random.expovariate(1 / THINKING_S))
        while board.phase == QUIET:
            time.sleep(THINKING_S)
        if board.phase == RECOVERED:
            for request in trace.of_recovery(orders.slot):
                worker.ask(request, recovery=True)


class Worker:
    """The service in this process and the file of what it answered."""

    def __init__(self, orders: Orders, board: Board, lines: TextIO) -> None:
        self.orders = orders
        self.lines = lines
        directory = FakeDirectory()
        for record in orders.records:
            directory.put(record)
        store = DrivenStore(Link.open(orders.store_url), board, lambda: self.note("store", {"at_us": _now_us()}))
        self.world = World(
            store,
            directory=directory,
            per_minute=orders.per_minute,
            stale_s=orders.stale_s,
            client=lambda now_us: cast("PolygonClient", Watched(self._connect(now_us), orders.name, self._told)),
        )
        self._handlers: dict[str, Callable[..., dict[str, Any]]] = {}

    def warm_up(self) -> None:
        """Have every route refuse something: what a function makes on its first request takes a part of a second."""
        user = next(iter(self.orders.keys))
        for route in trace.ROUTES:
            self._send(Request(route, ("NONE..",), trace.TIERS[0], user, LONGEST_MS))

    def ask(self, request: Request, *, recovery: bool) -> None:
        """One request and its answer."""
        start_us = _now_us()
        sent = self._send(request)
        answer = _answer(self.orders.name, request, start_us, _now_us(), sent, recovery=recovery)
        self.note("answer", asdict(answer))

    def _send(self, request: Request) -> dict[str, Any]:
        method = "POST" if request.route == "batch" else "GET"
        body = json.dumps(request.tickers).encode() if request.route == "batch" else None
        headers = {"x-api-key": self.orders.keys[request.user], "content-type": "application/json"}
        asked = event(request.path, headers, method, body)
        route = route_of(method, request.path.partition("?")[0])
        assert route is not None
        return self._handler(route.function)(asked, Context(request.deadline_ms))

    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """Write one line."""
        self.lines.write(json.dumps({"what": kind, **fields}) + "\n")

    def _told(self, token: str, good: bool) -> None:  # noqa: FBT001 - a report
        fields = {"worker": self.orders.name, "token": token, "end_us": _now_us(), "good": good}
        self.note("fetched", fields)

    def _connect(self, now_us: Callable[[], int]) -> PolygonClient:
        return connect(self.orders.upstream_url, lambda: FAKE_KEY, now_us)

    def _handler(self, function: str) -> Callable[..., dict[str, Any]]:
        if function not in self._handlers:
            module = load(function)
            module.edge._wire = lambda: self.world.services  # noqa: SLF001 - the composition root is replaced at its seam
            self._handlers[function] = module.handler
        return self._handlers[function]


def _answer(
    worker: str, request: Request, start_us: int, end_us: int, sent: dict[str, Any], *, recovery: bool
) -> Answer:
    status, headers = sent["statusCode"], sent["headers"]
    body = json.loads(sent["body"])
    good = status == 200  # noqa: PLR2004 - OK
    values, unknown = handouts.of_answer(request.route, request.tickers, body) if good else ((), ())
    if status == 404:  # noqa: PLR2004 - Not Found
        unknown = request.tickers
    age = headers.get("Age") if good else None
    outcome = headers.get("Cache-Status", "")
    return Answer(
        worker,
        start_us,
        end_us,
        request.route,
        request.tier,
        request.deadline_ms,
        status,
        code="" if good else str(body.get("code", body.get("status", ""))),
        stale="fwd=stale" in outcome,
        outcome=outcome,
        age_s=None if age is None else int(age),
        values=values,
        unknown=unknown,
        recovery=recovery,
    )


def _now_us() -> int:
    return time.time_ns() // 1000
