"""One local cloud for all end-to-end tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.e2e.stacks import LocalCloud, stack_in


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A stack with the sandbox Polygon and a store of its own."""
    with stack_in(tmp_path_factory.mktemp("stack")) as running:
        yield running
