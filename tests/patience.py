"""The time that tests wait. No machine is so slow or so busy that a limit of theirs decides a result: a limit only ends a hang.

Where a time limit is itself what is tested, a clock of the test's own or something that hangs for good drives it.
"""

from typing import Final

import httpx

from dekr.deadline import Deadline
from dekr.polygon.client import PolygonClient
from dekr.store.link import Link

HANG_S: Final = 120.0
"""Whatever takes longer than this hangs."""


def always(seconds: float) -> Deadline:
    """A deadline that is always this many seconds away."""
    return Deadline(seconds, lambda: 0.0)


def patient[L: Link](link: L) -> L:
    """Let a link that was not used yet wait for a store that is only slow, and return it."""
    link.connection.socket_timeout = link.connection.socket_connect_timeout = HANG_S
    return link


def patient_url(url: str) -> str:
    """The URL of a Redis with the limits of a client that waits for a server that is only slow: after redis-py's own five seconds a
    command would be sent again.
    """
    return f"{url}?socket_timeout={HANG_S}&socket_connect_timeout={HANG_S}"


def unhurried(client: PolygonClient) -> PolygonClient:
    """Let a client that was not used yet wait for an upstream that is only slow, and return it."""
    address = client.transport.client.base_url
    client.transport.client.close()
    client.transport.client = httpx.Client(base_url=address, trust_env=False, transport=_Unhurried())
    client.transport.monotonic = lambda: 0.0
    return client


class _Unhurried(httpx.HTTPTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["timeout"] = httpx.Timeout(HANG_S).as_dict()
        return super().handle_request(request)
