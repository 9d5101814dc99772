"""API keys, ``dk_<env>_<id>_<secret><checksum>``: makes new ones and checks the form of others.

The id (16 characters) finds the key's record, the secret (43 characters, 256 bits) proves it, and the checksum (6
characters, CRC-32 of all before it) tells a mistyped key from a real one without looking anything up. Only the SHA-256
of the whole text is ever stored.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from dekr.errors import Unauthenticated

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID: Final = 16
_SECRET: Final = 43
_CHECKSUM: Final = 6
_KEY: Final = re.compile(
    rf"dk_([a-z]{{1,12}})_([0-9A-Za-z]{{{_ID}}})_([0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CHECKSUM}}})"
)


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """An API key whose form and checksum are right. ``digest``: SHA-256 of its text, in hex."""

    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new API key. Its text is shown once and kept nowhere; ``digest`` is the SHA-256 of it, in hex."""

    text: str
    id: str
    digest: str


def new_key(env: str, random_bytes: Callable[[int], bytes]) -> NewKey:
    """Make a new key for an environment. ``random_bytes(n)`` must be fit for secrets."""
    key_id = _base62(int.from_bytes(random_bytes(12)), _ID)[-_ID:]
    body = f"dk_{env}_{key_id}_{_base62(int.from_bytes(random_bytes(32)), _SECRET)}"
    text = body + _checksum(body)
    return NewKey(text, key_id, _digest(text))


def parse_key(text: str) -> ParsedKey:
    """Read a key's id and digest. Raises Unauthenticated, without a look-up, for a text that cannot be a key."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[:-_CHECKSUM]) != match[4]:
        raise Unauthenticated("This is not an API key of this service: its form or checksum is wrong.")
    return ParsedKey(match[2], _digest(text))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return digits.rjust(width, "0")
