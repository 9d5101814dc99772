"""Reads an issuer's keys over HTTP. Imported on the first read: with it comes the HTTP client."""

import time
from collections.abc import Callable
from typing import Final

import httpx

from dekr.errors import UpstreamDown, UpstreamInvalid

STEP_S: Final = 1.0
WHOLE_S: Final = 2.0
LARGEST_BYTES: Final = 256 * 1024

_OK: Final = 200


def fetch_jwks(url: str, monotonic: Callable[[], float] = time.monotonic) -> bytes:
    """The document at ``url`` and nowhere else: no redirect is followed, no proxy asked.

    Each step may take STEP_S and the body WHOLE_S. Raises UpstreamDown; UpstreamInvalid for any status but 200 and for a
    document of more than LARGEST_BYTES.
    """
    ends_s = monotonic() + WHOLE_S
    # What is not packed cannot unpack to more than was sent.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    content = bytearray()
    try:
        with (
            httpx.Client(follow_redirects=False, trust_env=False, timeout=STEP_S, headers=headers) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != _OK:
                fault = f"jwks: status {response.status_code}"
                raise UpstreamInvalid(f"The issuer of tokens answered with status {response.status_code}.", fault=fault)
            for part in response.iter_raw():
                content += part
                if len(content) > LARGEST_BYTES:
                    fault = f"jwks: more than {LARGEST_BYTES} bytes"
                    raise UpstreamInvalid("The issuer of tokens sent more than any list of keys holds.", fault=fault)
                if monotonic() > ends_s:
                    raise _down("body not complete in time")
    except httpx.HTTPError as error:
        raise _down(type(error).__name__) from error
    return bytes(content)


def _down(fault: str) -> UpstreamDown:
    return UpstreamDown("The issuer of tokens did not answer in time.", retry_after_s=STEP_S, fault=f"jwks: {fault}")
