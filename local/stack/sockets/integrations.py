"""The function behind a WebSocket API: behind the Lambda API, or a handler in this process."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from local.stack.sockets.events import Event

THREADS: Final = 64
"""The number of events that a handler in this process works on at once."""


class FunctionFailedError(Exception):
    """The function raised an error, or could not be invoked. Its text is for the door's log."""


class Integration(Protocol):
    """Hands an event to the function and waits for what it returns."""

    async def __call__(self, event: Event) -> Any:
        """Return what the function returned. Raises FunctionFailedError."""
        ...


class LambdaApi:
    """A function behind the Lambda API at ``endpoint``; ``function`` may have an alias behind a colon. Events run concurrently."""

    def __init__(self, client: httpx.AsyncClient, endpoint: str, function: str) -> None:
        name, _, qualifier = function.partition(":")
        self._client = client
        self._url = f"{endpoint}/2015-03-31/functions/{quote(name)}/invocations"
        self._query = {"Qualifier": qualifier} if qualifier else {}

    async def __call__(self, event: Event) -> Any:
        """Return what the function returned. Raises FunctionFailedError."""
        try:
            response = await self._client.post(self._url, params=self._query, json=event)
        except httpx.HTTPError as error:
            raise FunctionFailedError(repr(error)) from error
        if not response.is_success or "x-amz-function-error" in response.headers:
            raise FunctionFailedError(f"{response.status_code} {response.text[:500]}")
        return json.loads(response.content or b"null")


class InProcess:
    """A handler in this process, which is called in threads, with events and answers as JSON, as Lambda does."""

    def __init__(self, handler: Callable[[Event], Any]) -> None:
        self._handler = handler
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="function")

    async def __call__(self, event: Event) -> Any:
        """Return what the handler returned. Raises FunctionFailedError for whatever it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._call, json.dumps(event))

    def close(self) -> None:
        """Wait for the handler's calls, and end its threads."""
        self._pool.shutdown()

    def _call(self, event: str) -> Any:
        try:
            return json.loads(json.dumps(self._handler(json.loads(event))))
        except Exception as error:
            raise FunctionFailedError(repr(error)) from error
