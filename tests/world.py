"""The service in one process for the tests: the real handlers, services and scripts on a real store, with a fake upstream
and key directory at the outermost edge, and a clock that the test drives."""

import gzip
import importlib.util
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, unquote

from dekr.access.principal import Role
from dekr.config import Settings
from dekr.cursors import Cursors
from dekr.deadline import Deadline
from dekr.http import Edge
from dekr.polygon.client import PolygonClient
from dekr.store import Store
from dekr.wiring import Services
from tests.fakes.connections import FakeConnections
from tests.fakes.directory import FakeDirectory
from tests.fakes.upstream import FakeUpstream
from tests.fakes.waker import FakeWaker
from tests.routes import route_of
from tests.still_link import StillLink

FUNCTIONS = Path(__file__).parents[1] / "functions"
HOST = "api.dekr.test"
STREAM_URL = "wss://stream.dekr.test/stocks"
CURSOR_SECRET = "a fake secret of many characters"
CURSORS = Cursors.signed_with(CURSOR_SECRET)


class Context:
    """Lambda's context, as far as it is used."""

    aws_request_id = "request-1"

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(eq=False)
class World:
    """One sandbox of the service. ``upstream`` and ``directory`` may be shared between several. With a ``client`` of
    its own it talks to another upstream and waits in real time. Deadlines come nearer only while the service sleeps."""

    store: Store
    upstream: FakeUpstream = field(default_factory=FakeUpstream)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    per_minute: int = 6_000
    stale_s: int = 3_600
    public_url: str = ""
    client: Callable[[Callable[[], int]], PolygonClient] | None = None
    sleep: Callable[[float], None] | None = None

    def __post_init__(self) -> None:
        settings = Settings.read(
            {
                "REDIS_URL": "redis://127.0.0.1:1",
                "KEYS_TABLE": "keys",
                "POLYGON_SECRET_ARN": "arn:fake",
                "CURSOR_SECRET": CURSOR_SECRET,
                "POLYGON_PER_MINUTE": str(self.per_minute),
                "STALE_IF_ERROR_S": str(self.stale_s),
                "PUBLIC_URL": self.public_url,
                "STREAM_URL": STREAM_URL,
            }
        )
        self.services = DrivenServices(
            settings,
            self.store,
            lambda: self.directory,
            self.client or self.upstream.client,
            sleep=self._rest,
        )
        self.upstream.now_us = self.services.now_us
        self._handlers: dict[str, ModuleType] = {}
        self._rested_s = 0.0

    def key(self, tier: int = 7, user: str = "demo", role: Role = Role.USER) -> str:
        """A new API key in the directory."""
        return self.directory.issue(user, tier, role).text

    def get(self, path: str, key: str | None = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """GET a path with its query, as API Gateway would hand it to the function."""
        return self.send("GET", path, key, headers=headers)

    def post(self, path: str, key: str | None = None, body: Any = None, **more: Any) -> Answer:
        """POST a body: JSON of what is given, or bytes as they are."""
        return self.send("POST", path, key, body=body if isinstance(body, bytes) else json.dumps(body).encode(), **more)

    def send(
        self,
        method: str,
        path: str,
        key: str | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Any request."""
        sent = {**({"x-api-key": key} if key else {}), **(headers or {})}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        requested = event(path, sent, method, body)
        route = route_of(method, path.partition("?")[0])
        answer = self.handler(route.function if route else "admin")(requested, Context())
        text = answer["body"]
        if answer.get("isBase64Encoded"):
            text = gzip.decompress(b64decode(text)).decode()
        return Answer(answer["statusCode"], answer["headers"], text)

    def handler(self, function: str) -> Any:
        """A function's handler on these services, with deadlines that come nearer only while the service sleeps."""
        if function not in self._handlers:
            module = load(function)
            module.edge._wire = lambda: self._serve(module.edge)
            self._handlers[function] = module
        return self._handlers[function].handler

    def _serve(self, edge: Edge) -> Services:
        request = edge._request
        if request.deadline.monotonic is time.monotonic:
            request.deadline = Deadline.after(request.deadline.left_s(), lambda: self._rested_s)
        return self.services

    def _rest(self, seconds: float) -> None:
        self._rested_s += seconds
        (self.sleep or (time.sleep if self.client else lambda _: None))(seconds)

    def beside(self, store: Store, sleep: Callable[[float], None] | None = None) -> "World":
        """Another sandbox, on the same upstream, keys and clock. It shares nothing else."""
        if isinstance(store, StillLink) and isinstance(self.store, StillLink):
            store.clock = self.store.clock
        else:
            store.clock_offset_us = self.store.clock_offset_us
        return World(store, self.upstream, self.directory, sleep=sleep)

    def to(self, moment: str) -> None:
        """Drive the clock to a moment (RFC 3339)."""
        self.store.clock_offset_us = int(datetime.fromisoformat(moment).timestamp() * 1e6) - time.time_ns() // 1000

    def later(self, seconds: float) -> None:
        """Drive the clock forward."""
        self.store.clock_offset_us += int(seconds * 1_000_000)


class DrivenServices(Services):
    """The services, on the store's clock where that stands still. They close no connections and start no relay, but note it."""

    @cached_property
    def connections(self) -> FakeConnections:
        """The connections of the stream's clients."""
        return FakeConnections()

    @cached_property
    def waker(self) -> FakeWaker:
        """The start of the relay."""
        return FakeWaker()

    def now_us(self) -> int:
        return self.store.clock.at_us if isinstance(self.store, StillLink) else super().now_us()


def event(path: str, headers: Mapping[str, str], method: str = "GET", body: bytes | None = None) -> dict[str, Any]:
    """The HTTP API event (payload 2.0) of a request. A body that is text goes as it is, any other as base64."""
    address, _, query = path.partition("?")
    raw_path = unquote(address)
    route = route_of(method, address)
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key if route else "$default",
        "rawPath": raw_path,
        "rawQueryString": query,
        "headers": {"host": HOST, "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "requestId": "request-1",
            "domainName": HOST,
            "stage": "$default",
            "http": {"method": method, "path": raw_path, "sourceIp": "203.0.113.7"},
        },
        "isBase64Encoded": False,
    }
    if parameters:
        found["queryStringParameters"] = parameters
    if route and (variables := route.variables(address)):
        found["pathParameters"] = {name: unquote(value) for name, value in variables.items()}
    if body is not None:
        try:
            found["body"] = body.decode()
        except UnicodeDecodeError:
            found["body"], found["isBase64Encoded"] = b64encode(body).decode(), True
    return found


def load(function: str) -> ModuleType:
    """A function's module, fresh, as Lambda imports it."""
    path = FUNCTIONS / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{function}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
