"""HTTP to the upstream: one pooled client, the key in the Authorization header, every wait bounded by the deadline.

The key never shows in a URL, a log line or an error: httpx puts request URLs, not headers, into its messages, and those
messages go no farther than this module.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from dekr.deadline import Deadline
from dekr.errors import UnknownSymbol, UpstreamInvalid
from dekr.polygon.failures import Broken, KeyRefused, NotEntitled, Throttled

CONNECT_S: Final = 1.0
LARGEST_BYTES: Final = 64 * 1024 * 1024
KEY_AGAIN_S: Final = 60.0
"""After a 401 the key is read again, at most this often: it may have been rotated."""

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 401, 403, 404, 429, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed answer. ``date_us``: the upstream's own clock (its Date header), where it sent one."""

    body: Any
    date_us: int | None


@dataclass(slots=True)
class Transport:
    """Sends requests to one host. ``key`` reads the API key."""

    client: httpx.Client
    key: Callable[[], str] = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _bearer: str | None = field(default=None, repr=False)
    _read_at_s: float = 0.0

    def get(self, url: str, parameters: Mapping[str, str] | None, deadline: Deadline, most_s: float) -> Reply:
        """The parsed answer of a GET: a path with parameters, or a ``next_url`` as the upstream gave it.

        Raises what ``dekr.polygon.failures`` lists.
        """
        if self._bearer is None:
            self._bearer, self._read_at_s = self.key(), self.monotonic()
        request = self.client.build_request(
            "GET",
            self._within_host(url),
            params=parameters,
            headers={"Authorization": f"Bearer {self._bearer}"},
            timeout=httpx.Timeout(min(most_s, deadline.left_s()), connect=min(CONNECT_S, deadline.left_s())),
        )
        ends_s = self.monotonic() + min(most_s, deadline.left_s())
        try:
            response = self.client.send(request, stream=True)
            try:
                content = self._read(response, ends_s)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise Broken("The data provider did not answer in time.", retry_after_s=1.0) from None
        except httpx.DecodingError:
            raise UpstreamInvalid("The data provider sent an answer that cannot be read.") from None
        except httpx.HTTPError:
            raise Broken("The connection to the data provider failed.", retry_after_s=1.0) from None
        self._check(response)
        try:
            return Reply(json.loads(content, parse_constant=_refuse), _date_us(response))
        except ValueError:
            raise UpstreamInvalid("The data provider sent an answer that is not JSON.") from None

    def _read(self, response: httpx.Response, ends_s: float) -> bytes:
        """The body, as long as it is not too large and does not trickle past its time."""
        parts: list[bytes] = []
        size = 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > LARGEST_BYTES:
                raise UpstreamInvalid("The data provider sent more than can be handled.")
            if self.monotonic() > ends_s:
                raise Broken("The data provider did not answer in time.", retry_after_s=1.0)
        return b"".join(parts)

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == _OK:
            return
        if status == _UNAUTHORIZED:
            if self.monotonic() - self._read_at_s > KEY_AGAIN_S:
                self._bearer = None
            raise KeyRefused("The data provider refuses this service's key.", retry_after_s=KEY_AGAIN_S)
        if status == _FORBIDDEN:
            raise NotEntitled
        if status == _NOT_FOUND:
            raise UnknownSymbol("The data provider does not know this ticker.")
        if status == _TOO_MANY:
            raise Throttled("The data provider limits our calls.", retry_after_s=_retry_after_s(response))
        if status >= _SERVER_ERROR:
            raise Broken("The data provider failed.", retry_after_s=1.0)
        raise UpstreamInvalid(f"The data provider refused a request with status {status}.")

    def _within_host(self, url: str) -> str:
        if url.startswith("/"):
            return url
        base, target = self.client.base_url, httpx.URL(url)
        if (target.scheme, target.host, target.port) != (base.scheme, base.host, base.port):
            raise UpstreamInvalid("The data provider pointed to another host.")
        return url


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() and len(text) < 5 else 12.0  # noqa: PLR2004 - a sane number of seconds


def _date_us(response: httpx.Response) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers["date"]).timestamp() * 1_000_000)
    except (KeyError, ValueError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
