"""Cursors: the place where the next page begins, as text that callers send back unchanged.

A cursor is signed with a key of this deployment, for the query that it came from: one that was changed, moved to another query or
made by hand is refused before anything is fetched. It is no secret, grants nothing and names nobody.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

from dekr.errors import InvalidInput

MAX_LENGTH: Final = 2_048
"""Characters in a cursor."""

_PURPOSE: Final = b"dekr cursors"
_SIGNATURE_BYTES: Final = 9
"""Bytes of a cursor's signature. It can only be guessed by asking the service, which refuses 2**71 guesses on average."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Signs cursors, and opens those that were signed with the same ``key`` (32 bytes)."""

    key: bytes = field(repr=False)

    @classmethod
    def signed_with(cls, secret: str) -> "Cursors":
        """The cursors of all sandboxes that have this secret: their key is derived from it for this one purpose."""
        return cls(blake2b(secret.encode(), digest_size=32, person=_PURPOSE).digest())

    def seal(self, scope: str, text: str) -> str:
        """The cursor that holds ``text`` for the query that ``scope`` names."""
        raw = text.encode()
        signed = blake2b(scope.encode()).digest() + raw
        signature = blake2b(signed, digest_size=_SIGNATURE_BYTES, key=self.key).digest()
        return urlsafe_b64encode(signature + raw).decode().rstrip("=")

    def unseal(self, scope: str, cursor: str) -> str:
        """The text in a cursor of this query. Raises InvalidInput with the code ``invalid_cursor`` for any other."""
        if len(cursor) > MAX_LENGTH:
            raise refused()
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            text = raw[_SIGNATURE_BYTES:].decode()
        except ValueError:
            # The caller's mistake; the cause is left out, because it quotes what was sent.
            raise refused() from None
        # Compared as a whole: base64 has several spellings of the same bytes.
        if not compare_digest(self.seal(scope, text), cursor):
            raise refused()
        return text


def refused() -> InvalidInput:
    """The error for a cursor that does not belong to the query it was sent with."""
    return InvalidInput("cursor", "is not one that this query was given", code="invalid_cursor")
