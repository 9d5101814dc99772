"""HTTP to the upstream: one pooled client, the key in the Authorization header, every wait bounded by the deadline.

The key never shows in a URL, a log line or an error: httpx puts request URLs, not headers, into its messages, and a key
that no header can carry, which they would quote, is refused before it reaches them.
"""

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from pydantic_core import from_json

from dekr.deadline import Deadline
from dekr.errors import UnknownSymbol, UpstreamInvalid, UpstreamUnreachable
from dekr.polygon.failures import Broken, Cut, KeyRefused, KeyUnusable, NotEntitled, Rejected, Throttled

CONNECT_S: Final = 1.0
LARGEST_BYTES: Final = 64 * 1024 * 1024
KEY_AGAIN_S: Final = 60.0
"""After a 401 the key is read again, at most once in so many seconds: it may have been rotated."""

VENDOR_HOSTS: Final = (b"api.massive.com", b"api.polygon.io")
"""The hosts of one and the same API, which changed its name in October 2025. A ``next_url`` may name the other one; its path and
query are then requested from the host that is configured: the key is sent nowhere else.
"""

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 401, 403, 404, 429, 500


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: ``body`` is its parsed JSON, ``date_us`` the upstream's own clock (its Date header), where it sent one.

    ``left_out``: the rules that items broke which whoever read the answer left out of its list, for the log.
    """

    body: Any
    date_us: int | None
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waits:
    """The time-outs of one request, in the place of httpx's table of them. They are looked up as each phase begins, so
    that connecting and reading together end in time.
    """

    ends_s: float
    monotonic: Callable[[], float]

    def get(self, phase: str, _: None = None) -> float:
        left_s = max(0.001, self.ends_s - self.monotonic())
        return min(CONNECT_S, left_s) if phase == "connect" else left_s


@dataclass(slots=True, eq=False)
class Transport:
    """Sends requests to one host. ``key`` reads the API key, on first use and again after the upstream has refused it."""

    client: httpx.Client
    key: Callable[[], str] = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _bearer: str | None = field(default=None, repr=False)
    _read_at_s: float = 0.0

    def get(self, url: str, parameters: Mapping[str, str] | None, deadline: Deadline, max_s: float) -> Reply:
        """Send a GET and return its parsed answer; ``url`` is a path, or a ``next_url`` as the upstream sent it, which may name
        any of VENDOR_HOSTS in the place of the client's own.

        It takes no longer than ``max_s`` seconds and what the deadline leaves. Raises what ``dekr.polygon.failures`` lists, and
        what ``key`` raises.
        """
        ends_s = self.monotonic() + min(max_s, deadline.left_s())
        request = self.client.build_request(
            "GET",
            self._within_host(url),
            params=parameters,
            headers={"Authorization": f"Bearer {self._current_key()}"},
            extensions={"timeout": _Waits(ends_s, self.monotonic)},
        )
        try:
            response = self.client.send(request, stream=True)
            try:
                content = self._read(response, ends_s)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise UpstreamUnreachable(retry_after_s=1.0, fault=_connect_fault(error)) from error
        except httpx.TimeoutException as error:
            raise _late(type(error).__name__) from error
        except httpx.HTTPError as error:
            text = "The connection to the data provider failed."
            raise Broken(text, retry_after_s=1.0, fault=type(error).__name__) from error
        self._check(response, content)
        return Reply(_parsed(content), _date_us(response))

    def _current_key(self) -> str:
        if self._bearer is None:
            key = self.key()
            if not (key.isascii() and key.isprintable() and key and " " not in key):
                text = "The key that this service has for the data provider cannot be used."
                raise KeyUnusable(text, retry_after_s=KEY_AGAIN_S, fault="the key is no printable text")
            self._bearer, self._read_at_s = key, self.monotonic()
        return self._bearer

    def _read(self, response: httpx.Response, ends_s: float) -> bytes:
        """The body of a response. Raises UpstreamInvalid where it is too large, Broken where it trickles past its time."""
        parts: list[bytes] = []
        size = 0
        good = response.status_code == _OK
        try:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > LARGEST_BYTES:
                    raise UpstreamInvalid(
                        "The data provider sent more than can be handled.", fault=f"more than {LARGEST_BYTES} bytes"
                    )
                if self.monotonic() > ends_s:
                    raise _late("body not complete in time")
        except httpx.DecodingError as error:
            if good:
                text = "The data provider sent an answer that cannot be read."
                raise UpstreamInvalid(text, fault="content encoding") from error
            return b""  # the status says enough
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            if good:
                fault = f"{type(error).__name__} after {size} bytes"
                raise Cut("The data provider's answer broke off.", fault=fault) from error
            raise
        return b"".join(parts)

    def _check(self, response: httpx.Response, content: bytes) -> None:
        status = response.status_code
        if status == _OK:
            return
        if status == _UNAUTHORIZED:
            if self.monotonic() - self._read_at_s > KEY_AGAIN_S:
                self._bearer = None
            text = "The data provider refuses this service's key."
            raise KeyRefused(text, retry_after_s=KEY_AGAIN_S, fault="status 401")
        if status == _TOO_MANY:
            text = "The data provider limits our calls."
            raise Throttled(text, retry_after_s=_retry_after_s(response), fault="status 429")
        if status >= _SERVER_ERROR:
            raise Broken("The data provider failed.", retry_after_s=1.0, fault=f"status {status}")
        # What 403 and 404 mean is remembered for a while, so they must be the upstream's own and not a gateway's page.
        own = _is_object(content)
        if status == _FORBIDDEN:
            if own:
                raise NotEntitled
            text = "Something before the data provider refused the call."
            raise Broken(text, retry_after_s=1.0, fault="status 403 without a JSON object")
        if status == _NOT_FOUND and own:
            raise UnknownSymbol("The data provider does not know this ticker.")
        raise Rejected(f"The data provider refused a request with status {status}.", fault=f"status {status}")

    def _within_host(self, url: str) -> str:
        if url.startswith("/") and not url.startswith("//"):
            return url
        base = self.client.base_url
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL as error:
            text = "The data provider pointed to an address that is none."
            raise UpstreamInvalid(text, fault="next_url: no URL") from error
        if (target.scheme, target.netloc, target.userinfo) == (base.scheme, base.netloc, b""):
            return url
        if (target.scheme, target.userinfo) == ("https", b"") and target.netloc in VENDOR_HOSTS:
            return str(base.copy_with(raw_path=target.raw_path))
        raise UpstreamInvalid("The data provider pointed to another host.", fault="next_url: another host")


def _connect_fault(error: httpx.TransportError) -> str:
    """The kind of a failure to connect: whether the host's name was not found, or else the error's own name."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__ if cause is None else f"{type(error).__name__}: no address (DNS)"


def _late(fault: str) -> Broken:
    return Broken("The data provider did not answer in time.", retry_after_s=1.0, fault=fault)


def _parsed(content: bytes) -> Any:  # noqa: ANN401 - parsed JSON
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        fault = f"no JSON in {len(content)} bytes"
        raise UpstreamInvalid("The data provider sent an answer that is not JSON.", fault=fault) from error


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(_parsed(content), dict)
    except UpstreamInvalid:
        return False


def _retry_after_s(response: httpx.Response) -> float:
    """For how many seconds the upstream sent its callers away; 0 where it did not say."""
    text = response.headers.get("retry-after", "")
    sane = text.isascii() and text.isdecimal() and len(text) < 5  # noqa: PLR2004 - less than three hours
    return float(text) if sane else 0.0


def _date_us(response: httpx.Response) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers["date"]).timestamp() * 1_000_000)
    except (KeyError, ValueError, OverflowError):
        return None
