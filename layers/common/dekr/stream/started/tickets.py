"""Tickets: texts with which a client connects to a stream that was started over HTTP, without showing a key.

A ticket names the owner and the stream and is signed with a key of this deployment. It can be used once and for a minute, both of
which the stream's record decides (dekr.stream.started.records): a ticket that is seen later, in a log of URLs, is worth nothing.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from dekr.stream.pairs import Pair
from dekr.stream.ports import Subscriber
from dekr.stream.started.records import OWNER_BYTES, StreamRecords

ID_BYTES: Final = 12
_SIGNATURE_BYTES: Final = 16
_BYTES: Final = OWNER_BYTES + ID_BYTES + _SIGNATURE_BYTES
MAX_LENGTH: Final = -(-_BYTES * 4 // 3)
"""Characters in a ticket; all have as many."""

_PURPOSE: Final = b"dekr tickets"


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The stream of a ticket that was used: who listens, to which pairs, and whether the latest event of each comes first."""

    subscriber: Subscriber
    pairs: tuple[Pair, ...]
    snapshot: bool


@dataclass(frozen=True, slots=True)
class Tickets:
    """Signs tickets with ``key`` (32 bytes) and takes those that were signed with it."""

    key: bytes = field(repr=False)
    records: StreamRecords

    @classmethod
    def signed_with(cls, secret: str, records: StreamRecords) -> "Tickets":
        """The tickets of all sandboxes that have this secret: their key is derived from it for this one purpose."""
        return cls(blake2b(secret.encode(), digest_size=32, person=_PURPOSE).digest(), records)

    def issue(self, owner: bytes, stream_id: str) -> str:
        """Write the ticket of a stream (24 hexadecimal digits) of this owner (dekr.stream.started.records.owner_of)."""
        raw = owner + bytes.fromhex(stream_id)
        signature = hmac.digest(self.key, raw, "sha256")[:_SIGNATURE_BYTES]
        return urlsafe_b64encode(raw + signature).decode().rstrip("=")

    def redeem(self, ticket: str, connection: str) -> Redeemed | None:
        """Use a ticket for a connection. None for one that is forged, foreign, expired or used, or whose stream was ended.

        Raises StoreDown.
        """
        named = self._read(ticket)
        if named is None:
            return None
        owner, stream_id = named
        spec = self.records.redeem(owner, stream_id, connection)
        if spec is None:
            return None
        return Redeemed(spec.subscriber, spec.wish.pairs, spec.wish.snapshot)

    def _read(self, ticket: str) -> tuple[bytes, str] | None:
        """The owner and the stream that a ticket names; None where it was not signed here."""
        if len(ticket) != MAX_LENGTH or not ticket.isascii():
            return None
        try:
            raw = urlsafe_b64decode(ticket + "=" * (-MAX_LENGTH % 4))
        except ValueError:
            return None
        owner, stream_id = raw[:OWNER_BYTES], raw[OWNER_BYTES:-_SIGNATURE_BYTES].hex()
        # Compared as a whole: base64 has several spellings of the same bytes.
        if len(raw) != _BYTES or not hmac.compare_digest(self.issue(owner, stream_id), ticket):
            return None
        return owner, stream_id
