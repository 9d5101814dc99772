"""Cursors: the place where the next page begins, as text that callers send back unchanged.

A cursor is sealed to the query that it came from, so that one that was changed, or moved to another query, is refused
before anything is fetched. It is no secret and grants nothing: its seal is a check, not a signature.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b
from typing import Final

from dekr.errors import InvalidInput

_DIGEST_BYTES: Final = 9
MAX_LENGTH: Final = 2_048
"""Characters in a cursor."""


def seal(scope: str, text: str) -> str:
    """The cursor that holds ``text`` for the query that ``scope`` names."""
    raw = text.encode()
    return urlsafe_b64encode(_digest(scope, raw) + raw).decode().rstrip("=")


def unseal(scope: str, cursor: str) -> str:
    """The text in a cursor of this query. Raises InvalidInput with the code ``invalid_cursor`` for any other."""
    if len(cursor) > MAX_LENGTH:
        raise refused()
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        text = raw[_DIGEST_BYTES:].decode()
    except (Base64Error, ValueError):
        # The caller's mistake; the cause is left out, because it quotes what was sent.
        raise refused() from None
    # Compared as a whole: base64 has several spellings of the same bytes.
    if raw[:_DIGEST_BYTES] != _digest(scope, raw[_DIGEST_BYTES:]) or seal(scope, text) != cursor:
        raise refused()
    return text


def refused() -> InvalidInput:
    """The error for a cursor that does not belong to the query it was sent with."""
    return InvalidInput("cursor", "is not one that this query was given", code="invalid_cursor")


def _digest(scope: str, raw: bytes) -> bytes:
    # A key of blake2b holds 64 bytes; a scope may be longer.
    return blake2b(raw, digest_size=_DIGEST_BYTES, key=blake2b(scope.encode(), digest_size=32).digest()).digest()
