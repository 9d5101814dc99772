"""Pairs of a channel and a symbol, as clients subscribe to them: ``T.AAPL``, ``AM.*``.

Channels as the upstream names them (https://massive.com/docs/websocket/stocks/overview): T trades, Q quotes, A aggregates of a
second, AM of a minute, LULD price bands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dekr.errors import InvalidInput
from dekr.symbols import Ticker

ALL: Final = "*"
"""The symbol that stands for all symbols of a channel."""

MAX_PARAMS: Final = 1_000
"""The largest number of pairs in one message: as many as the highest tier may have."""


class Channel(StrEnum):
    """A kind of events."""

    TRADES = "T"
    QUOTES = "Q"
    SECONDS = "A"
    MINUTES = "AM"
    BANDS = "LULD"


WITH_ALL: Final = {Channel.SECONDS: "stream_all_seconds", Channel.MINUTES: "stream_all_minutes"}
"""The channels that may be subscribed to for all symbols, and the feature of a tier (dekr.tiers) that this needs."""


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A channel and a symbol; ``symbol`` is a ticker in upper case or ALL."""

    channel: Channel
    symbol: str

    @property
    def text(self) -> str:
        """The pair as it stands in messages: ``T.AAPL``."""
        return f"{self.channel.value}.{self.symbol}"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class BadPair:
    """A part of ``params`` that is no pair that can be subscribed to, and why: ``reason`` is a sentence for the client."""

    text: str
    reason: str


def parse_params(params: str) -> Iterator[Pair | BadPair]:
    """Read a comma-separated list of pairs, each part once and in order. Empty parts are left out.

    The channel is case-sensitive, as it is upstream; the symbol is not.
    """
    seen: set[str] = set()
    for part in params.split(","):
        text = part.strip()
        if not text or text in seen:
            continue
        seen.add(text)
        yield parse_pair(text)


def parse_pair(text: str) -> Pair | BadPair:
    """Read one pair."""
    name, dot, symbol = text.partition(".")
    shown = text[:40]
    if not dot or not symbol:
        return BadPair(shown, "a subscription is a channel, a dot and a symbol, as in T.AAPL")
    try:
        channel = Channel(name)
    except ValueError:
        return BadPair(shown, f"there is no such channel; channels are {', '.join(Channel)}")
    if symbol == ALL:
        if channel not in WITH_ALL:
            offered = " and ".join(f"{each.value}.{ALL}" for each in WITH_ALL)
            return BadPair(
                shown, f"not offered: all symbols of {name} are more than one connection can carry; {offered} are"
            )
        return Pair(channel, ALL)
    try:
        return Pair(channel, Ticker.parse(symbol).text)
    except InvalidInput:
        return BadPair(shown, "that is no ticker symbol")


def pairs_of(texts: Sequence[str]) -> list[Pair]:
    """Read pairs that this service wrote itself. Raises ValueError for anything else."""
    pairs = [parse_pair(text) for text in texts]
    if bad := [pair for pair in pairs if isinstance(pair, BadPair)]:
        raise ValueError(f"not a pair: {bad[0].text}")
    return [pair for pair in pairs if isinstance(pair, Pair)]
