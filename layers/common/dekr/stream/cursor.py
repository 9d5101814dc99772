"""The cursor of a stream: where a client is, so that a later subscription can go on from there.

Its text is ``<generation>-<tick>``, both in decimal. The tick is the one whose events the client has received last. The
generation changes when the store has lost what it knew of numbers; older cursors mean nothing then. It is not signed: whoever
makes one up is entitled to no more than without it.
"""

import re
from dataclasses import dataclass
from typing import Final

from dekr.errors import InvalidInput

_TEXT: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,16})")
RULE: Final = "must be the _c of a frame that was received"


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """A position: all events up to and including ``tick`` (ms, dekr.stream.relay.relay) of this ``generation``."""

    generation: int
    tick: int

    @property
    def text(self) -> str:
        """The cursor as it stands in ``_c`` and in ``since``."""
        return f"{self.generation}-{self.tick}"

    @classmethod
    def parse(cls, text: object) -> "StreamCursor":
        """Read a cursor. Raises InvalidInput, which names ``since``, for what is none."""
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidInput("since", RULE)
        return cls(int(match[1]), int(match[2]))
