"""Faults of the stream on request, and the state of them that the control routes show."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

SWITCHES: Final = ("stall", "no_pongs", "refuse_newcomers")
"""Faults that stay until they are lifted: nothing is sent, although connections stay open; pings are not answered; a second
connection of the key is refused once it subscribes, where usually the older one is closed.
"""

COUNTED: Final = ("auth_refused", "repeated_q", "backward_q")
"""Faults of the next ``count`` sign-ins, or of the next ``count`` trades and quotes: they have the sequence number of the one
before of the same ticker, or a smaller one.
"""

ACTS: Final = ("cut", "garbage", "evict", "force_disconnect")
"""Faults that happen once to all present connections: reset without a word, sent a frame that is not JSON, closed with the status
``max_connections`` as by a newcomer, closed by the server with the status ``force_disconnect``.
"""

BUFFER_BYTES: Final = 4 << 20
"""The bytes that may wait for a client that reads slowly before it is closed."""

GARBAGE: Final = '[{"ev":"T","sym":"AAPL","p":'


class Shown(Protocol):
    """A connection, as far as the control routes show it."""

    def as_json(self) -> dict[str, Any]:
        """Return what is shown."""
        ...


@dataclass(slots=True)
class StreamControl:
    """The state of the stream's faults, for control routes and tests. What is set here holds from the next message on.

    ``buffer_bytes``: how much may wait for a slow client; ``orders``: acts that are still to be done, each a kind and a text;
    ``connections``: all that are open; ``sent``: events since the start, counted for each connection.
    """

    stall: bool = False
    no_pongs: bool = False
    refuse_newcomers: bool = False
    auth_refused: int = 0
    repeated_q: int = 0
    backward_q: int = 0
    buffer_bytes: int = BUFFER_BYTES
    orders: deque[tuple[str, str]] = field(default_factory=deque)
    connections: list[Shown] = field(default_factory=list)
    sent: int = 0

    def order(self, body: object) -> None:
        """Do what the JSON body of a control request says. Raises ValueError with a sentence that names the field."""
        match body:
            case {"kind": str(kind), **rest} if kind in SWITCHES and not rest:
                setattr(self, kind, True)
            case {"kind": str(kind), **rest} if kind in COUNTED and not set(rest) - {"count"}:
                setattr(self, kind, _positive(rest.get("count", 1), "count"))
            case {"kind": str(kind), **rest} if kind in ACTS and not rest:
                self.orders.append((kind, ""))
            case {"kind": "garbage", "text": str(text), **rest} if not rest:
                self.orders.append(("garbage", text))
            case {"buffer_bytes": size, **rest} if not rest:
                self.buffer_bytes = _positive(size, "buffer_bytes")
            case _:
                kinds = ", ".join((*SWITCHES, *COUNTED, *ACTS))
                raise ValueError(f"send buffer_bytes, or a kind ({kinds}) with count or text where it takes one")

    def lift(self) -> None:
        """End all faults and restore the usual limit."""
        self.stall = self.no_pongs = self.refuse_newcomers = False
        self.auth_refused = self.repeated_q = self.backward_q = 0
        self.buffer_bytes = BUFFER_BYTES

    def as_json(self) -> dict[str, Any]:
        """Return what the control routes show."""
        named = {name: getattr(self, name) for name in (*SWITCHES, *COUNTED)}
        return {
            "faults": {name: value for name, value in named.items() if value},
            "buffer_bytes": self.buffer_bytes,
            "connections": [connection.as_json() for connection in self.connections],
            "sent": self.sent,
        }


def _positive(value: object, name: str) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}: must be a whole number from 1")
    return value
