"""A store whose URL, with its password, is in a secret. It is read with the first command and never stands in the environment.

The secret is the URL as plain text, or JSON with the fields ``url`` and ``ca``: the certificate (PEM) of a private CA, which the
certificate of a ``rediss://`` server is then checked against.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dekr.errors import StoreDown, Unavailable
from dekr.store.command import Command
from dekr.store.connection import failed_sign_in
from dekr.store.import_parts import package_unopened
from dekr.store.link import LinkBreaker, Store

with package_unopened("redis"):
    from redis.exceptions import AuthenticationError


class _Address(BaseModel):
    """The content of the secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, Field(pattern=r"^rediss?://")]
    ca: Annotated[str, Field(pattern=r"^-----BEGIN CERTIFICATE-----")] = ""


def url_of(secret: str) -> str:
    """Return the URL in a secret's text, with the CA as a parameter that redis-py reads. Raises StoreDown where there is none."""
    text = secret.strip()
    try:
        address = _Address.model_validate_json(text) if text.startswith("{") else _Address(url=text)
    except ValidationError as error:
        raise StoreDown(
            fault="the secret of the store's URL is neither redis(s)://... nor JSON with url and ca"
        ) from error
    if not address.ca:
        return address.url
    return f"{address.url}{'&' if '?' in address.url else '?'}ssl_ca_data={quote(address.ca, safe='')}"


@dataclass(slots=True, eq=False)
class SecretLink:
    """A Store that reads its secret with the first command, and once more after the store refused the password in it.

    ``read`` returns the secret's text or raises Unavailable; ``connect`` makes the link to a URL.
    """

    read: Callable[[], str]
    connect: Callable[[str], Store]
    prefix: str = "dekr:"
    clock_offset_us: int = 0
    breaker: LinkBreaker = field(default_factory=LinkBreaker)
    _link: Store | None = None

    def run(self, *commands: Command) -> list[Any]:
        """See dekr.store.link.Store.run."""
        link = self._link or self._connected()
        link.clock_offset_us = self.clock_offset_us
        try:
            return link.run(*commands)
        except StoreDown as error:
            sign_in = failed_sign_in(error)
            if sign_in is not None and isinstance(sign_in.__cause__, AuthenticationError):
                self._link = None
            raise

    def shards(self) -> Sequence[Store]:
        """See dekr.store.link.Store.shards."""
        return (self._link or self._connected()).shards()

    def _connected(self) -> Store:
        self.breaker.check()
        try:
            link = self._link = self.connect(url_of(self.read()))
        except StoreDown as error:
            self.breaker.failed(error)
            raise
        except Unavailable as error:
            self.breaker.failed(error)
            raise StoreDown(fault=error.fault) from error
        self.breaker.worked()
        return link
