"""Posts to API Gateway's connections and asynchronous invocations of functions, over plain HTTP with Signature Version 4: boto3
would take 300 ms to load. It is imported on first use, because it loads the HTTP client.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html,
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from dekr.errors import Unavailable
from dekr.passed_over import PassedOver
from dekr.sigv4 import sign
from dekr.stream.gateway import POST_HEADERS, SERVER_ERROR, connection_url, outcome_of
from dekr.stream.ports import Delivered

CONNECT_S: Final = 1.0
TIMEOUT_S: Final = 3.0
"""Writing a request and reading its answer may take so long each: a client waits, and Lambda is paid by time."""

TRIES: Final = 2

_ARN_PARTS: Final = 7
"""``arn:aws:lambda:<region>:<account>:function:<name>``: a qualifier is the eighth part."""


def _now() -> datetime:
    return datetime.now(UTC)


def http_client() -> httpx.Client:
    """The HTTP client for AWS: no redirects, no proxies, short time-outs."""
    return httpx.Client(follow_redirects=False, trust_env=False, timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S))


@dataclass(frozen=True, slots=True, eq=False)
class SignedHttp:
    """Sends signed requests. ``environment``: the variables with credentials and region, which are read for each request, because
    Lambda's credentials change. ``now`` is the clock (UTC).
    """

    client: httpx.Client
    environment: Mapping[str, str] = field(repr=False)
    now: Callable[[], datetime] = _now

    def send(self, service: str, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a request, and once more where no connection could be made or the answer is a 5xx. Raises httpx.HTTPError."""
        for left in reversed(range(TRIES)):
            signed = sign(self.environment, service, method, url, body, self.now(), headers)
            try:
                response = self.client.request(method, url, content=body, headers=signed)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if not left:
                    raise
            else:
                if response.status_code < SERVER_ERROR or not left:
                    return response
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True, slots=True, eq=False)
class Connections:
    """The clients' connections. ``endpoint`` is the URL, with the stage, under which ``/@connections`` are. ``passed_over``
    collects failures.
    """

    http: SignedHttp
    endpoint: str
    passed_over: PassedOver

    def post(self, connection: str, text: str) -> Delivered:
        """Send one frame (at most statuses.MAX_FRAME bytes). Never raises for what the other end does."""
        return self._send("POST", connection, text.encode())

    def close(self, connection: str) -> None:
        """Close the connection, with the code 1000; nothing where there is none."""
        self._send("DELETE", connection, b"")

    def _send(self, method: str, connection: str, body: bytes) -> Delivered:
        url = connection_url(self.endpoint, connection)
        try:
            response = self.http.send("execute-api", method, url, body, POST_HEADERS)
        except httpx.HTTPError as error:
            self.passed_over.note(_failed("post_failed", f"{method}: {type(error).__name__}"))
            return Delivered.UNKNOWN
        outcome = outcome_of(response.status_code)
        if outcome is Delivered.UNKNOWN:
            self.passed_over.note(_failed("post_failed", f"{method}: status {response.status_code}"))
        return outcome


@dataclass(frozen=True, slots=True, eq=False)
class Invoker:
    """Invokes functions asynchronously."""

    http: SignedHttp

    def invoke(self, function: str, event: Mapping[str, Any]) -> None:
        """Have a function run with this event, and do not wait for it. ``function``: its name or ARN, with a version or an alias
        behind a colon, or without. Raises Unavailable where that is not accepted.
        """
        name, qualifier = _split(function)
        query = f"?Qualifier={quote(qualifier, safe='')}" if qualifier else ""
        url = f"{self._endpoint()}/2015-03-31/functions/{quote(name, safe='')}/invocations{query}"
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": "Event"}
        try:
            response = self.http.send("lambda", "POST", url, json.dumps(event).encode(), headers)
        except httpx.HTTPError as error:
            raise _failed("invoke_failed", type(error).__name__) from error
        if not response.is_success:
            raise _failed("invoke_failed", f"status {response.status_code}")

    def _endpoint(self) -> str:
        environment = self.http.environment
        set_to = environment.get("AWS_ENDPOINT_URL_LAMBDA") or environment.get("AWS_ENDPOINT_URL")
        return (set_to or f"https://lambda.{environment['AWS_REGION']}.amazonaws.com").rstrip("/")


def _split(function: str) -> tuple[str, str]:
    """The name or ARN of a function without its qualifier, and that qualifier; empty where there is none."""
    if function.startswith("arn:"):
        parts = function.split(":")
        return ":".join(parts[:_ARN_PARTS]), ":".join(parts[_ARN_PARTS:])
    name, _, qualifier = function.partition(":")
    return name, qualifier


def _failed(code: str, fault: str) -> Unavailable:
    return Unavailable("Another part of this service cannot be reached.", retry_after_s=1.0, code=code, fault=fault)
