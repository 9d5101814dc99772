"""A registry on a real store whose clock stands still."""

import pytest

from dekr.stream.registry import Registry
from tests.integration.stream.gateways import Gateway
from tests.integration.stream.registries import NOW_MS
from tests.still_link import StillLink


@pytest.fixture
def store(link: StillLink) -> StillLink:
    """An empty store whose clock stands still at NOW_MS."""
    link.clock.at_us = NOW_MS * 1_000
    return link


@pytest.fixture
def registry(link: StillLink) -> Registry:
    """An empty registry."""
    link.clock.at_us = NOW_MS * 1_000
    return Registry(link)


@pytest.fixture
def gateway(link: StillLink) -> Gateway:
    """API Gateway in front of a conversation, on an empty store."""
    return Gateway(link)
