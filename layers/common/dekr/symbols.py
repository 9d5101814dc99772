"""Ticker symbols as callers write them, checked before anything is requested or stored.

The upstream names US stocks by the consolidated tape's convention with a dot for its slash: a root in capitals, a small
``p`` for preferred shares with the letter of their series (``BACpL``) or ``r`` for rights, suffixes for the class of a
share, warrants, units and the like (``BRK.B``, ``ACHR.WS``, ``AAC.U``), and a last ``w`` while a share trades as
"when issued" (nasdaqtrader.com, "Ticker Symbol Convention", column CQS). The tapes' symbol field holds 11 characters.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dekr.errors import InvalidInput

RULE: Final = (
    "must be the ticker of a US stock, at most 11 characters: capital letters, then small p, r or w and dotted suffixes "
    "where it has them, such as AAPL, BRK.B, BACpL or ACHR.WS; stocks only, so no prefix such as O: or X:"
)
_MAX_LENGTH: Final = 11
_TICKER: Final = re.compile(r"[A-Z]+(?:p[A-Z]?|r)?(?:\.[A-Z]{1,4})*w?")


@dataclass(frozen=True, slots=True)
class Ticker:
    """The ticker of a stock as the upstream spells it. ``parse`` makes it, so it is safe in the path of a URL and in a key."""

    text: str

    @classmethod
    def parse(cls, raw: str, field: str = "symbol") -> "Ticker":
        """Read the ticker that a caller wrote in ``field``.

        Tickers are case-sensitive: an input in small letters is put in capitals, one in mixed case is taken as it is.
        Raises InvalidInput with the code ``invalid_symbol`` for anything that is not a ticker.
        """
        found = cls.found(raw)
        if found is None:
            raise InvalidInput(field, RULE, code="invalid_symbol")
        return found

    @classmethod
    def found(cls, raw: str) -> "Ticker | None":
        """The ticker in a text, as ``parse`` reads it; None for a text that is no ticker."""
        return _parsed(raw) if len(raw) <= _MAX_LENGTH else None


def in_capitals(raw: str) -> str:
    """A ticker, or a part of one, as the upstream spells it: in capitals where all of it is in small letters, else as it is."""
    # Other alphabets have small letters whose capital is ASCII (the dotless i), so only ASCII is put in capitals.
    return raw.upper() if raw.isascii() and raw.islower() else raw


@lru_cache(maxsize=16_384)
def _parsed(raw: str) -> Ticker | None:
    text = in_capitals(raw)
    return Ticker(text) if _TICKER.fullmatch(text) else None
