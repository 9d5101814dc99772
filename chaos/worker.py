"""One sandbox of the service in a process of its own: the real handlers, store link and upstream client.

It sends itself the requests of the trace and writes down every answer at once, so a kill loses no answer that was
given.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final, TextIO, cast

from chaos import handouts, stalls, trace
from chaos.driven_clock import QUIET, RECOVERED, RUNNING, DrivenStore, SharedState
from chaos.history import Answer
from chaos.reporting_client import ReportingClient
from chaos.trace import Request
from dekr.access.directory import KeyRecord
from dekr.polygon.client import PolygonClient
from dekr.polygon.connect import connect
from dekr.store.link import Link
from local.sandbox.state import KEY as SANDBOX_KEY
from tests.fakes.directory import FakeDirectory
from tests.patience import HANG_S, patient
from tests.routes import route_of
from tests.world import Context, World, event, load

MAX_DEADLINE_MS: Final = 29_000
"""The longest time that a caller may wait, in milliseconds."""

THINK_TIME_S: Final = 0.02
"""The mean time between an answer and the next request, in seconds."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The configuration of a worker.

    ``keys``: the users' API keys; ``records``: the directory's records of them; ``path``: the file that the worker
    writes.
    """

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


def run_worker(config: WorkerConfig, shared: SharedState) -> None:
    """Send requests until told to stop, then one for each route and tier, and end."""
    with config.path.open("a", buffering=1) as lines, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        worker = Worker(config, shared, lines)
        worker.warm_up()
        worker.note("ready", {})
        random = Random(config.seed)
        requests = trace.requests(random)
        while shared.phase == RUNNING:
            worker.perform(next(requests), recovery=False)
            time.sleep(random.expovariate(1 / THINK_TIME_S))
        while shared.phase == QUIET:
            time.sleep(THINK_TIME_S)
        if shared.phase == RECOVERED:
            worker.be_patient()
            for request in trace.recovery_requests(config.slot):
                worker.perform(request, recovery=True)


class Worker:
    """The service in this process, and the file that records its answers."""

    def __init__(self, config: WorkerConfig, shared: SharedState, lines: TextIO) -> None:
        self.config = config
        self.lines = lines
        directory = FakeDirectory()
        for record in config.records:
            directory.put(record)
        self._link = Link.open(config.store_url)
        store = DrivenStore(self._link, shared, lambda: self.note("store", {"at_us": _now_us()}))
        self.world = World(
            store,
            directory=directory,
            per_minute=config.per_minute,
            stale_s=config.stale_s,
            client=lambda now_us: cast(
                "PolygonClient", ReportingClient(self._connect(now_us), config.name, self._report_fetch)
            ),
        )
        self._handlers: dict[str, Callable[..., dict[str, Any]]] = {}

    def warm_up(self) -> None:
        """Send a request that is refused to every route: a function needs a part of a second for its first request."""
        user = next(iter(self.config.keys))
        for route in trace.ROUTES:
            self._send(Request(route, ("NONE..",), trace.TIERS[0], user, MAX_DEADLINE_MS))

    def be_patient(self) -> None:
        """From now on, wait for a reply of the store for as long as a busy machine may take: no fault delays it any more."""
        patient(self._link)
        standing = self._link.connection._sock  # noqa: SLF001 - redis-py sets the timeout of a new connection only
        if standing is not None:
            standing.settimeout(HANG_S)

    def perform(self, request: Request, *, recovery: bool) -> None:
        """Perform one request and record its answer."""
        start_us, stalled_us = _now_us(), stalls.stalled_us()
        response = self._send(request)
        stalled_us, end_us = stalls.stalled_us() - stalled_us, _now_us()
        answer = _record_of(self.config.name, request, start_us, end_us, response, recovery=recovery)
        self.note("answer", asdict(replace(answer, stalled_us=stalled_us)))

    def _send(self, request: Request) -> dict[str, Any]:
        method = "POST" if request.route == "batch" else "GET"
        body = json.dumps(request.tickers).encode() if request.route == "batch" else None
        headers = {"x-api-key": self.config.keys[request.user], "content-type": "application/json"}
        api_event = event(request.path, headers, method, body)
        route = route_of(method, request.path.partition("?")[0])
        assert route is not None
        return self._handler(route.function)(api_event, Context(request.deadline_ms))

    def note(self, kind: str, fields: dict[str, Any]) -> None:
        """Write one line of JSON."""
        self.lines.write(json.dumps({"what": kind, **fields}) + "\n")

    def _report_fetch(self, token: str, good: bool) -> None:  # noqa: FBT001 - the client's callback passes it by position
        fields = {"worker": self.config.name, "token": token, "end_us": _now_us(), "good": good}
        self.note("fetched", fields)

    def _connect(self, now_us: Callable[[], int]) -> PolygonClient:
        return connect(self.config.upstream_url, lambda: SANDBOX_KEY, now_us)

    def _handler(self, function: str) -> Callable[..., dict[str, Any]]:
        if function not in self._handlers:
            module = load(function)
            module.edge._wire = lambda: self.world.services  # noqa: SLF001 - the composition root is replaced at its seam
            self._handlers[function] = module.handler
        return self._handlers[function]


def _record_of(
    worker: str, request: Request, start_us: int, end_us: int, response: dict[str, Any], *, recovery: bool
) -> Answer:
    status, headers = response["statusCode"], response["headers"]
    body = json.loads(response["body"])
    good = status == 200  # noqa: PLR2004 - OK
    values, unknown = handouts.from_answer(request.route, request.tickers, body) if good else ((), ())
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
