"""Reads an issuer's keys over HTTP. It is imported with the first read, because it loads the HTTP client."""

import time
from collections.abc import Callable
from typing import Final

import httpx

from dekr.errors import UpstreamDown, UpstreamInvalid

TIMEOUT_S: Final = 1.0
MAX_TRANSFER_S: Final = 2.0
MAX_BYTES: Final = 256 * 1024

_OK: Final = 200


def fetch_jwks(url: str, monotonic: Callable[[], float] = time.monotonic) -> bytes:
    """Read the document at ``url`` and nowhere else: no redirect is followed and no proxy used.

    Connecting and each read may take TIMEOUT_S, the whole MAX_TRANSFER_S. Raises UpstreamDown; UpstreamInvalid for any status
    but 200 and for a document of more than MAX_BYTES.
    """
    ends_s = monotonic() + MAX_TRANSFER_S
    # Without compression the bytes that are sent are all that have to be held.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    content = bytearray()
    try:
        with (
            httpx.Client(follow_redirects=False, trust_env=False, timeout=TIMEOUT_S, headers=headers) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != _OK:
                fault = f"jwks: status {response.status_code}"
                raise UpstreamInvalid(f"The issuer of tokens answered with status {response.status_code}.", fault=fault)
            for part in response.iter_raw():
                content += part
                if len(content) > MAX_BYTES:
                    fault = f"jwks: more than {MAX_BYTES} bytes"
                    raise UpstreamInvalid("The issuer of tokens sent more than any list of keys holds.", fault=fault)
                if monotonic() > ends_s:
                    raise _down("body not complete in time")
    except httpx.HTTPError as error:
        raise _down(type(error).__name__) from error
    return bytes(content)


def _down(fault: str) -> UpstreamDown:
    return UpstreamDown("The issuer of tokens did not answer in time.", retry_after_s=TIMEOUT_S, fault=f"jwks: {fault}")
