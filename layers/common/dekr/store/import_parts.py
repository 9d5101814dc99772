"""Importing parts of a package without opening the package itself.

redis-py's own ``__init__`` loads its asynchronous client, its cluster and its sentinel, which a link never uses: 30 of the
130 ms that it takes to import.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def package_unopened(name: str) -> Iterator[None]:
    """Inside, modules of the package are imported on their own; afterwards, importing the package opens it as ever."""
    spec = find_spec(name)
    if spec is None or name in sys.modules:
        yield
        return
    sys.modules[name] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[name]
