"""The records of streams that were started over HTTP: what each is to deliver, to whom, and how far it has come.

A stream waits for its client up to WAITING_US, is connected for as long as one connection may last, and then has ended. All
streams of one user are in two hashes of the stream's slot, so that one script sees them all and bounds them; the hashes expire
after the last of them.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from dekr.cache import keys
from dekr.store import Script, Store, call, load_script, lua_text
from dekr.stream.gateway import LIFE_OF_A_CONNECTION_MS
from dekr.stream.pairs import Channel
from dekr.stream.ports import Subscriber
from dekr.stream.started.wish import Wish
from dekr.tiers import Tier

SECOND_US: Final = 1_000_000
WAITING_US: Final = 60 * SECOND_US
"""A stream waits for its client so long; then it has ended."""

CONNECTED_US: Final = LIFE_OF_A_CONNECTION_MS * 1_000
"""A stream is connected no longer than its connection lives."""

ENDED_KEPT_US: Final = 600 * SECOND_US
"""A stream that has ended is kept for so long, so that its user can see that it has."""

MAX_STREAMS: Final = 32
"""The streams of one user that are kept, those that have ended included; the highest tier has ten connections."""

OWNER_BYTES: Final = 16

ID: Final = re.compile(r"[0-9a-f]{24}")
"""The ids of streams."""

_LIMITS: Final[dict[str, int | tuple[int, ...]]] = {
    "CONNECTED_US": CONNECTED_US,
    "ENDED_KEPT_US": ENDED_KEPT_US,
    "KEPT_MS": (CONNECTED_US + ENDED_KEPT_US) // 1000,
    "LONGEST_US": CONNECTED_US,
    "MAX_STREAMS": MAX_STREAMS,
    "WAITING_US": WAITING_US,
}
_RECORDS: Final = lua_text(__package__, "records")


def _script(name: str) -> Script:
    return load_script(__package__, f"record_{name}", _RECORDS, **_LIMITS)


_START: Final = _script("start")
_REDEEM: Final = _script("redeem")
_AMEND: Final = _script("amend")
_END: Final = _script("end")
_READ: Final = _script("read")


class StreamState(StrEnum):
    """The state of a stream that was started over HTTP."""

    WAITING = "waiting"
    """Its ticket has not been used yet."""
    CONNECTED = "connected"
    ENDED = "ended"
    """Its connection is closed, nobody connected in time, or its user ended it."""


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """The events that a stream delivers, and who gets them."""

    subscriber: Subscriber
    wish: Wish

    def to_text(self) -> str:
        """Write the spec as the store keeps it."""
        who, wish = self.subscriber, self.wish
        parts = [who.user, int(who.tier), who.key_id, who.ends_ms, wish.channels, wish.symbols, wish.snapshot]
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def parse(cls, text: bytes | str) -> "StreamSpec":
        """Read a spec that ``to_text`` wrote."""
        user, tier, key_id, ends_ms, channels, symbols, snapshot = json.loads(text)
        wish = Wish(tuple(map(Channel, channels)), tuple(symbols), snapshot)
        return cls(Subscriber(user, Tier(tier), key_id, ends_ms), wish)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A stream as it is kept. ``until_us``: the moment at which it ends by itself, or ended. ``since_us``: when it was connected
    (0: never). ``connection`` is empty where it has had none. ``text``: the spec as it is kept.
    """

    state: StreamState
    until_us: int
    since_us: int
    connection: str
    spec: StreamSpec
    text: str


def owner_of(user: str) -> bytes:
    """The digest of a user's name, by which keys and tickets name the owner of a stream: neither shows who that is."""
    return blake2b(user.encode(), digest_size=OWNER_BYTES).digest()


@dataclass(frozen=True, slots=True, eq=False)
class StreamRecords:
    """Reads and writes the records of streams; ``owner`` is always that of ``owner_of``. Every method raises StoreDown."""

    store: Store

    def start(self, owner: bytes, stream_id: str, spec: StreamSpec) -> int:
        """Keep a new stream, which waits for its client from now on. Returns until when (us, the store's clock)."""
        (now_us,) = self.store.run(call(_START, self._keys(owner), stream_id, spec.to_text()))
        return int(now_us) + WAITING_US

    def redeem(self, owner: bytes, stream_id: str, connection: str) -> StreamSpec | None:
        """Give a stream that waits to a connection. None where it does not, or was given to another connection before."""
        (text,) = self.store.run(call(_REDEEM, self._keys(owner), stream_id, connection))
        return None if text is None else StreamSpec.parse(text)

    def amend(self, owner: bytes, stream_id: str, before: StreamRecord, spec: StreamSpec) -> bool:
        """Replace the spec of a stream that still waits and is as it was read (``before``). False where it is not."""
        (done,) = self.store.run(call(_AMEND, self._keys(owner), stream_id, before.text, spec.to_text()))
        return bool(done)

    def end(self, owner: bytes, stream_id: str) -> str | None:
        """End a stream. Returns its connection (empty: it never had one); None where there is no such stream."""
        (connection,) = self.store.run(call(_END, self._keys(owner)[:1], stream_id))
        return None if connection is None else _connection(connection)

    def read(self, owner: bytes, stream_id: str) -> StreamRecord | None:
        """Read a stream. None where there is no such one of this owner."""
        (found,) = self.store.run(call(_READ, self._keys(owner), stream_id))
        if found is None:
            return None
        state, until_us, since_us, connection, text = found
        return StreamRecord(
            StreamState(state.decode()),
            until_us,
            since_us,
            _connection(connection),
            StreamSpec.parse(text),
            text.decode(),
        )

    def _keys(self, owner: bytes) -> Sequence[str]:
        name = owner.hex()
        return [keys.stream(self.store.prefix, f"{part}:{name}") for part in ("records", "specs")]


def _connection(stored: bytes) -> str:
    text = stored.decode()
    return "" if text == "-" else text
