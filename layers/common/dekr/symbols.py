"""Tickers of US stocks, as the upstream spells them.

They are case-sensitive there: a preferred share is ``BACpL``, a warrant ``ACHR.WS``. Input that is all lower case is
upper-cased; mixed case is left alone.
"""

import re
from dataclasses import dataclass
from typing import Final

from dekr.errors import InvalidInput

RULE: Final = (
    "must be the ticker of a US stock: 1 to 6 letters, then at most a share class after a dot or in lower case, "
    "such as AAPL, BRK.B or BACpL"
)
_TICKER: Final = re.compile(r"[A-Z]{1,6}(?:[a-z]{1,2}[A-Z]{0,2})?(?:\.[A-Z]{1,3}[a-z]?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ticker:
    """A well-formed ticker; whether the upstream knows it is another question."""

    text: str

    @classmethod
    def parse(cls, raw: str, field: str = "symbol") -> "Ticker":
        """The ticker that a caller named. Raises InvalidInput, code ``invalid_symbol``."""
        # Only ASCII may change case: the dotless i and full-width letters upper-case into tickers that nobody typed.
        text = raw.upper() if raw.isascii() and raw.islower() else raw
        if _TICKER.fullmatch(text) is None:
            raise InvalidInput(field, RULE, code="invalid_symbol")
        return cls(text)
