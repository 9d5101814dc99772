"""Posts to the clients' connections by aiohttp: many at once, on connections that are kept.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html describes the
requests. They are signed as dekr.stream.aws signs those of a function that posts now and then.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from yarl import URL

from dekr.sigv4 import sign
from dekr.stream.delivery.post_rate import PostRate, Refusals
from dekr.stream.gateway import POST_HEADERS, SERVER_ERROR, connection_url, outcome_of
from dekr.stream.ports import Delivered

TIMEOUT_S: Final = 2.0
KEEP_ALIVE_S: Final = 30.0
AT_ONCE: Final = 256
"""So many requests are on their way at the same time: 7 000/s need 140 where an answer takes 20 ms."""


def post_session() -> ClientSession:
    """An HTTP session for posts. ConnectionSink bounds what is under way, so that waiting for a turn counts towards no time-out."""
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=60), auto_decompress=False
    )


def _now() -> datetime:
    return datetime.now(UTC)


class ConnectionSink:
    """A ports.Sink.

    ``endpoint``: the URL, with the stage, under which ``/@connections`` are. ``environment``: the variables with credentials
    and region, which are read for each request, because Lambda's credentials change. ``timeout_s``: the time for one request.
    ``now`` is the clock (UTC) of signatures.
    """

    def __init__(
        self,
        session: ClientSession,
        endpoint: str,
        environment: Mapping[str, str],
        rate: PostRate,
        refusals: Refusals,
        *,
        timeout_s: float = TIMEOUT_S,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.repeated = 0
        """Number of requests that were sent again, of which the first may have arrived."""
        self.throttled = 0
        """Number of posts that were refused because of the account's rate."""
        self.failures: dict[str, int] = {}
        """Number of calls by method and unforeseen outcome: a status, or the kind of error where there was no answer."""
        self._session = session
        self._endpoint = endpoint
        self._environment = environment
        self._rate = rate
        self._refusals = refusals
        self._timeout = ClientTimeout(total=timeout_s)
        self._now = now
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def post(self, connection: str, frame: bytes) -> Delivered:
        """Deliver one frame (at most statuses.MAX_FRAME bytes). Never raises for what the other end does."""
        return await self._send("POST", connection, frame)

    async def close(self, connection: str) -> None:
        """Close the connection; nothing where there is none."""
        await self._send("DELETE", connection, b"")

    async def _send(self, method: str, connection: str, body: bytes) -> Delivered:
        status = await self._request(method, connection, body)
        if isinstance(status, Exception) or status >= SERVER_ERROR:
            self.repeated += 1
            status = await self._request(method, connection, body)
        match Delivered.UNKNOWN if isinstance(status, Exception) else outcome_of(status):
            case Delivered.SLOW:
                outcome = self._refusals.judge(connection)
                if outcome is Delivered.THROTTLED:
                    self.throttled += 1
                    self._rate.slow()
                return outcome
            case Delivered.UNKNOWN:
                name = f"{method} {type(status).__name__ if isinstance(status, Exception) else status}"
                self.failures[name] = self.failures.get(name, 0) + 1
                return Delivered.UNKNOWN
            case outcome:
                self._refusals.forget(connection)
                return outcome

    async def _request(self, method: str, connection: str, body: bytes) -> int | Exception:
        """The status of one request's answer, or why there was none."""
        await self._rate.take()
        url = connection_url(self._endpoint, connection)
        async with self._slots:
            headers = sign(self._environment, "execute-api", method, url, body, self._now(), POST_HEADERS)
            try:
                async with self._session.request(
                    method,
                    URL(url, encoded=True),  # as it was signed
                    data=body,
                    headers=headers,
                    timeout=self._timeout,
                    allow_redirects=False,
                ) as response:
                    await response.read()
                    return response.status
            except (TimeoutError, ClientError, OSError) as error:
                return error
