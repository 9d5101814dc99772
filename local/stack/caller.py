"""The environment variables with which a caller changes what the local cloud runs on, checked before anything starts, and
how they are shown.

Values are not repeated in errors: a URL may hold a password.
"""

import re
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from local.stack.launcher import StackError
from local.stack.moments import clock_offset_us

BASE_URL: Final = re.compile(r"https?://[^/?#\s]+/?")
"""The addresses that the functions' settings take (dekr.config)."""

VENDOR_HOSTS: Final = {"api.massive.com", "api.polygon.io"}
"""The hosts at which the vendor itself answers (https://massive.com/docs/rest/quickstart)."""


def check_caller(caller: Mapping[str, str]) -> None:
    """Raise StackError, which is one sentence, for a REDIS_URL, POLYGON_BASE_URL, POLYGON_STREAM_URL, POLYGON_PER_MINUTE or AT
    that cannot be used.
    """
    redis_url = caller.get("REDIS_URL")
    if redis_url and not _is_url_of(redis_url, {"redis", "rediss"}):
        raise StackError(
            "REDIS_URL must be redis://host:port or rediss://host:port, with :password@ before the host if it has one."
        )
    base_url = caller.get("POLYGON_BASE_URL")
    if base_url and not (_is_url_of(base_url, {"http", "https"}) and BASE_URL.fullmatch(base_url)):
        raise StackError("POLYGON_BASE_URL must be https://host or http://host:port, without a path.")
    stream_url = caller.get("POLYGON_STREAM_URL")
    if stream_url and not _is_url_of(stream_url, {"ws", "wss"}):
        raise StackError("POLYGON_STREAM_URL must be wss://host/path or ws://host:port/path.")
    per_minute = caller.get("POLYGON_PER_MINUTE")
    if per_minute and not re.fullmatch(r"0*[1-9][0-9]{0,6}", per_minute):
        raise StackError("POLYGON_PER_MINUTE must be a whole number of calls a minute, 1 or more.")
    if caller.get("AT") and caller.get("POLYGON_API_KEY"):
        raise StackError(
            "AT must be left out where POLYGON_API_KEY is set, because the real market has no other time than now."
        )
    clock_offset_us(caller.get("AT"), time.time_ns() // 1000)


def described(base_url: str) -> str:
    """Return the address of an upstream for a person, and whether it is the vendor's own."""
    return f"the real one ({base_url})" if urlsplit(base_url).hostname in VENDOR_HOSTS else base_url


def without_password(url: str) -> str:
    """Return a URL without the user and password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_url_of(text: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
