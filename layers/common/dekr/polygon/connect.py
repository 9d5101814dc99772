"""Makes the client of the real upstream, from its address and the secret that holds our key."""

import logging
import random
import time
from collections.abc import Callable

import httpx

from dekr.errors import Unavailable, UpstreamDown
from dekr.polygon.client import PolygonClient
from dekr.polygon.transport import Transport
from dekr.secret import read_secret


def connect(base_url: str, key: Callable[[], str], now_us: Callable[[], int]) -> PolygonClient:
    """Make the client of the upstream at ``base_url``. ``key`` reads the API key and ``now_us`` the service's clock (microseconds).

    Nothing is sent and no secret is read before the first call.
    """
    # Its line for every call would put URLs with their queries into the log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    client = httpx.Client(base_url=base_url, follow_redirects=False, trust_env=False)
    return PolygonClient(Transport(client, key), now_us, random.random, time.sleep)


def secret(arn: str) -> Callable[[], str]:
    """A function that reads the API key from Secrets Manager on each call, so that a read after a refusal sees a rotated key."""

    def read() -> str:
        try:
            return read_secret(arn).strip()
        except Unavailable as error:
            raise UpstreamDown(
                "This service cannot read its key for the data provider.",
                retry_after_s=error.retry_after_s,
                code="upstream_key_missing",
                fault=error.fault,
            ) from error

    return read
