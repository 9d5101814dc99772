"""A small HTTP server in the place of API Gateway's connections and of Lambda's Invoke. It checks signatures with botocore."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dekr.stream.ports import Delivered
from tests.fakes.connections import FakeConnections

ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-real-secret",
    "AWS_SESSION_TOKEN": "not/a+real=token==",
}
STATUSES = {Delivered.SENT: 200, Delivered.GONE: 410, Delivered.SLOW: 429, Delivered.UNKNOWN: 500}


@dataclass(frozen=True)
class Invocation:
    function: str
    qualifier: str
    kind: str
    event: Any


@dataclass(eq=False)
class FakeAws:
    """``port``: where it listens. ``next_statuses``: what the next requests are answered with, in the place of what is right."""

    port: int
    connections: FakeConnections = field(default_factory=FakeConnections)
    invocations: list[Invocation] = field(default_factory=list)
    next_statuses: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> int:
        self.requests.append(f"{method} {target}")
        if self.next_statuses:
            return self.next_statuses.pop(0)
        service = "lambda" if "/functions/" in target else "execute-api"
        if not self._signed(service, method, target, headers, body):
            return 403
        parts = urlsplit(target)
        words = [unquote(word) for word in parts.path.split("/")[1:]]
        match method, words:
            case "POST", ["stocks", "@connections", connection]:
                return STATUSES[self.connections.post(connection, body.decode())]
            case "DELETE", ["stocks", "@connections", connection]:
                known = connection in self.connections.living
                self.connections.close(connection)
                return 204 if known else 410
            case "POST", ["2015-03-31", "functions", name, "invocations"]:
                qualifier = parse_qs(parts.query).get("Qualifier", [""])[0]
                kind = headers.get("x-amz-invocation-type", "")
                self.invocations.append(Invocation(name, qualifier, kind, json.loads(body)))
                return 202
        return 404

    def _signed(self, service: str, method: str, target: str, headers: dict[str, str], body: bytes) -> bool:
        names = headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0].split(";")
        covered = {name: headers[name] for name in names if name in headers and name not in {"host", "x-amz-date"}}
        request = AWSRequest(method, f"http://{headers['host']}{target}", data=body, headers=covered)
        known = (ENVIRONMENT[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("botocore.auth.get_current_datetime", lambda: _moment(headers["x-amz-date"]))
            SigV4Auth(Credentials(*known), service, ENVIRONMENT["AWS_REGION"]).add_auth(request)
        return bool(request.headers["Authorization"] == headers.get("authorization"))


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@contextmanager
def fake_aws() -> Iterator[FakeAws]:
    """The server, on a free port of this machine, for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(made.answer(self.command, self.path, headers, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = FakeAws(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
