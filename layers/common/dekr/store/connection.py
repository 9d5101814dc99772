"""A connection to the store, and its time limits.

redis-py's ``socket_connect_timeout`` bounds TCP's connect alone; TLS and AUTH run under ``socket_timeout``, which is meant for
a reply. A sign-in (TCP, TLS, a password or an IAM token, SELECT) takes longer than a reply may: here it has one limit of its own.
"""

import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from dekr.store.import_parts import package_unopened

with package_unopened("redis"):
    from redis.backoff import NoBackoff
    from redis.connection import Connection, SSLConnection, parse_url
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import RedisError
    from redis.retry import Retry

SIGN_IN_S: Final = 2.0
"""The time in seconds for a whole sign-in: a new sandbox with little CPU needs some tenths for TLS, the cache some for a token."""

REPLY_S: Final = 0.1
"""The time in seconds that each part of a reply may be late."""


PATIENT_REPLY_S: Final = 2.0
PATIENT_SIGN_IN_S: Final = 5.0
"""The times for a program that nobody waits for and that can do nothing without the store."""


class SignInFailed(RedisConnectionError):
    """No connection could be made: the store cannot be reached, refuses the sign-in, or did not finish it in time."""


def failed_sign_in(error: BaseException | None) -> SignInFailed | None:
    """The failed sign-in that is this error or stands behind it, if there is one."""
    while error is not None and not isinstance(error, SignInFailed):
        error = error.__cause__ or error.__context__
    return error


class StoreConnection(Connection):
    """A connection whose ``socket_connect_timeout`` is the limit of its whole sign-in, in seconds, and ``socket_timeout`` that of
    a reply. ``tls`` is the context of an encrypted one. Raises SignInFailed where redis-py tells several errors apart.
    """

    _sock: Any

    def __init__(self, *, tls: ssl.SSLContext | None = None, **options: Any) -> None:  # noqa: ANN401 - redis-py's own options
        self.monotonic: Callable[[], float] = time.monotonic
        self._tls = tls
        self._over_at_s: float | None = None
        super().__init__(**options)  # type: ignore[no-untyped-call] # redis-py's

    @property
    def socket_connect_timeout(self) -> float:
        """The limit of a sign-in in seconds; while one is under way, what is left of it. Raises TimeoutError if nothing is left."""
        limit_s: Any = self._socket_connect_timeout
        if self._over_at_s is None:
            return float(limit_s)
        left_s = self._over_at_s - self.monotonic()
        if left_s <= 0:
            raise TimeoutError("The sign-in took too long.")
        return left_s

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, limit_s: float) -> None:
        self._socket_connect_timeout = limit_s

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's
        """Connect and sign in, unless that is done. Raises SignInFailed."""
        if self._sock:
            return
        self._over_at_s = self.monotonic() + self.socket_connect_timeout
        try:
            super().connect_check_health(check_health, retry_socket_connect)
            self._sock.settimeout(self.socket_timeout)
        except (RedisError, OSError) as error:
            self.disconnect()
            raise SignInFailed("No connection to the store could be made.") from error
        except BaseException:
            # Half of a sign-in must not look like a connection.
            self.disconnect()
            raise
        finally:
            self._over_at_s = None

    def read_response(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - redis-py's own
        """Read one reply. One that belongs to the sign-in has the time that is left for it."""
        if self._over_at_s is not None:
            self._sock.settimeout(self.socket_connect_timeout)
        return super().read_response(*arguments, **options)

    def _connect(self) -> Any:  # noqa: ANN401 - a socket, plain or with TLS
        sock: Any = super()._connect()  # type: ignore[no-untyped-call] # redis-py's
        try:
            sock.settimeout(self.socket_connect_timeout)
            return self._tls.wrap_socket(sock, server_hostname=self.host) if self._tls else sock
        except BaseException:
            sock.close()
            raise


def connection_options(url: str) -> dict[str, Any]:
    """Read a ``redis://`` or ``rediss://`` URL into the options of a StoreConnection. Its query may set, by redis-py's names, the
    limits (``socket_timeout``, ``socket_connect_timeout``) and whom to trust (``ssl_ca_certs``, ``ssl_ca_path`` and
    ``ssl_ca_data``, of which one is enough and then nobody else is trusted; ``ssl_cert_reqs=none`` for everybody). Certificates
    are read here, once for all connections.
    """
    options: dict[str, Any] = {
        "socket_timeout": REPLY_S,
        "socket_connect_timeout": SIGN_IN_S,
        **parse_url(url),
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
    }
    if options.pop("connection_class", None) is SSLConnection:
        options["tls"] = _tls_context(options)
    return options


def patient_url(url: str) -> str:
    """A store's URL with the limits of a program that waits for it. Limits that the URL has already stay."""
    limits = {"socket_timeout": PATIENT_REPLY_S, "socket_connect_timeout": PATIENT_SIGN_IN_S}
    given = parse_url(url)
    missing = "&".join(f"{name}={limit_s}" for name, limit_s in limits.items() if name not in given)
    return f"{url}{'&' if '?' in url else '?'}{missing}" if missing else url


def _tls_context(options: dict[str, Any]) -> ssl.SSLContext:
    """Take the options of certificates out of these and make a context of them."""
    context = ssl.create_default_context(
        cafile=options.pop("ssl_ca_certs", None),
        capath=options.pop("ssl_ca_path", None),
        cadata=options.pop("ssl_ca_data", None),
    )
    if options.pop("ssl_cert_reqs", "required") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
