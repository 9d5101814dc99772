"""The wish of who starts a stream over HTTP, held against the caller's tier. Who subscribes through a connection is held against it
by the registry, which counts over all connections of a user.
"""

from collections.abc import Collection
from dataclasses import dataclass

from dekr.errors import FeatureNotInTier, InvalidInput
from dekr.stream.pairs import ALL, MAX_PARAMS, WITH_ALL, BadPair, Channel, Pair, parse_pair
from dekr.stream.registry.replies import STREAMING
from dekr.tiers import Tier, lowest_with


@dataclass(frozen=True, slots=True)
class Wish:
    """The events that a stream shall deliver: each of ``channels`` of each of ``symbols`` (tickers, or ALL), each once.
    ``snapshot``: the latest event of each pair first.
    """

    channels: tuple[Channel, ...]
    symbols: tuple[str, ...]
    snapshot: bool = False

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of all channels and symbols, channel by channel."""
        return tuple(Pair(channel, symbol) for channel in self.channels for symbol in self.symbols)

    def check(self, tier: Tier, field: str = "symbols") -> None:
        """Raise FeatureNotInTier or InvalidInput, which names ``field``, for a wish that the tier may not have."""
        require(STREAMING, "streams", tier)
        if ALL in self.symbols:
            check_all(self.channels, tier, field)
        check_symbols(self.symbols, tier, field)
        pairs = len(self.channels) * len(self.symbols)
        if pairs > MAX_PARAMS:
            rule = f"must not make more than {MAX_PARAMS} subscriptions with the channels; they make {pairs}"
            raise InvalidInput(field, rule, code="too_many_symbols")


def require(feature: str, name: str, tier: Tier) -> None:
    """Raise FeatureNotInTier where the tier lacks a feature; ``name`` is its name for people."""
    if feature not in tier.policy.features:
        raise FeatureNotInTier(name, tier, lowest_with(feature))


def check_all(channels: Collection[Channel], tier: Tier, field: str) -> None:
    """Raise what refuses all symbols of these channels: InvalidInput, or FeatureNotInTier where a higher tier has it."""
    for channel in channels:
        pair = parse_pair(f"{channel}.{ALL}")
        if isinstance(pair, BadPair):
            raise InvalidInput(field, f"must not be {ALL} for {channel}, which is {pair.reason}")
        require(WITH_ALL[channel], f"all symbols of {channel}", tier)


def check_symbols(symbols: Collection[str], tier: Tier, field: str) -> None:
    """Raise InvalidInput for more symbols than a stream of this tier may have. ALL does not count."""
    count = len(set(symbols) - {ALL})
    if count > tier.policy.stream_symbols:
        rule = f"must not make more than {tier.policy.stream_symbols} symbols on your tier; they make {count}"
        raise InvalidInput(field, rule, code="too_many_symbols")
