"""The smoke test of a deployed stack: it is healthy, every documented route leads to a function of it, and its stream answers.

Nothing is called with a key, so it costs no upstream call and changes nothing.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any, Final, Protocol

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from local.account.sections import AccountError

ANSWER_S: Final = 30.0
"""The time in seconds that API Gateway waits for a function, its cold start included."""


def smoke(http: httpx.Client) -> int:
    """Test the service behind a client with its address. Return the number of routes.
    The client decides how long an answer may take.

    Raises AccountError, which names every route that does not answer as it should.
    """
    document = _documented(http)
    wrong = list(_wrong_routes(http, document))
    if wrong:
        raise AccountError("The service is deployed, but does not answer as it should: " + "; ".join(wrong) + ".")
    return sum(len(operations) for operations in document["paths"].values())


class Socket(Protocol):
    """A connection to the stream."""

    def send(self, message: str) -> None:
        """Send a message. Raises OSError, WebSocketException."""
        ...

    def recv(self, timeout: float) -> str | bytes:
        """The next message. Raises OSError (TimeoutError among them), WebSocketException."""
        ...


def opened(url: str) -> AbstractContextManager[Socket]:
    """Connect to a stream."""
    return connect(url, open_timeout=ANSWER_S)


def smoke_stream(url: str, connect: Callable[[str], AbstractContextManager[Socket]] = opened) -> None:
    """Test the stream at an address: it greets, and answers a ping. Raises AccountError."""
    try:
        with connect(url) as socket:
            _expect(socket, "connected")
            socket.send(json.dumps({"action": "ping"}))
            _expect(socket, "success")
    except (OSError, ValueError, LookupError, TypeError, WebSocketException) as error:
        raise AccountError(f"The stream at {url} does not answer as it should: {error!r}.") from error


def _expect(socket: Socket, word: str) -> None:
    said = json.loads(socket.recv(timeout=ANSWER_S))[0]["status"]
    if said != word:
        raise AccountError(f"The stream says {said!r} instead of {word!r}.")


def _documented(http: httpx.Client) -> Any:
    status, answer = _answer(http, "GET", "/openapi.json")
    if status != HTTPStatus.OK or answer is None:
        raise AccountError(f"The service is deployed, but GET /openapi.json answers {status}.")
    return answer.json()


def _wrong_routes(http: httpx.Client, document: Any) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needs_key = operation.get("security", document.get("security")) != []
            expected = HTTPStatus.UNAUTHORIZED if needs_key else HTTPStatus.OK
            body = "[]" if "requestBody" in operation else None
            status, _ = _answer(http, method.upper(), re.sub(r"\{\w+\}", "1", path), body)
            if status != expected:
                yield f"{method.upper()} {path} answers {status} instead of {expected.value}"


def _answer(
    http: httpx.Client, method: str, path: str, body: str | None = None
) -> tuple[int | str, httpx.Response | None]:
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        answer = http.request(method, path, content=body, headers=headers)
    except httpx.TransportError as error:
        return type(error).__name__, None
    return answer.status_code, answer
