"""The statuses that say which subscriptions are refused, and why."""

from collections.abc import Sequence
from typing import Any, Final

from dekr.errors import FeatureNotInTier
from dekr.stream.pairs import WITH_ALL, BadPair, Pair, parse_pair
from dekr.stream.registry.replies import STREAMING, Changed
from dekr.stream.statuses import Status, status
from dekr.tiers import Tier, lowest_with

MAX_SHOWN: Final = 20
"""A client is told of so many refused pairs by name, and of the others by their number."""


def bad_pairs(bad: Sequence[BadPair]) -> list[dict[str, Any]]:
    """A status for each part that is no pair, and one for those beyond MAX_SHOWN."""
    told = [status(Status.ERROR, f"{each.text}: {each.reason}") for each in bad[:MAX_SHOWN]]
    left = len(bad) - MAX_SHOWN
    return [*told, status(Status.ERROR, f"{left} more parts of params are no pairs")] if left > 0 else told


def without_streaming(tier: Tier) -> dict[str, Any]:
    """The refusal of all subscriptions of a tier that has no streams. It begins with the upstream's own words."""
    needed = FeatureNotInTier("streams", tier, lowest_with(STREAMING))
    return status(Status.ERROR, f"not authorized: {needed.detail}")


def refused(changed: Changed, tier: Tier | None) -> list[dict[str, Any]]:
    """The statuses for the pairs of a change that the tier does not allow (None: that of a connection before its sign-in)."""
    if changed.refused and tier is not None and STREAMING not in tier.policy.features:
        return [without_streaming(tier)]
    told = [_without_feature(pair, tier) for pair in changed.refused if tier is not None]
    return [*told, _over(changed.over, tier)] if changed.over else told


def _without_feature(text: str, tier: Tier) -> dict[str, Any]:
    pair = parse_pair(text)
    assert isinstance(pair, Pair), "the registry holds pairs alone"
    needed = FeatureNotInTier(text, tier, lowest_with(WITH_ALL[pair.channel]))
    return status(Status.ERROR, f"not authorized: {needed.detail}")


def _over(pairs: Sequence[str], tier: Tier | None) -> dict[str, Any]:
    left = len(pairs) - MAX_SHOWN
    names = ", ".join(pairs[:MAX_SHOWN]) + (f" and {left} more" if left > 0 else "")
    if tier is None:
        return status(Status.ERROR, f"not subscribed to {names}: these are too many before the sign-in")
    most = f"your tier ({int(tier)}) has {tier.policy.stream_symbols} symbols at once, over all connections"
    return status(Status.ERROR, f"not subscribed to {names}: {most}")
