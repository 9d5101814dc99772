"""The form in which addresses are compared, and the addresses that lead to another one."""

from typing import Final
from urllib.parse import quote

HOME: Final = "/docs"
"""Where the root of the host leads."""

_PATH_CHARACTERS: Final = "/!$&'()*+,;=:@~"
"""Characters that stand in a path as they are, beside letters, digits and ``-._`` (RFC 3986, section 3.3)."""


def normal(path: str) -> str:
    """The path with one slash before it and none behind it: ``/quote/AAPL/`` is the address ``/quote/AAPL``."""
    return "/" + path.strip("/")


def moved(path: str, query: str) -> str | None:
    """The address to which a request for this path (as it was sent) and raw query is sent on; None for one that leads nowhere else.

    An HTTP API takes a path with a slash behind it for none of its routes but ``$default``, although its owner would know it
    (Powertools' end-to-end tests hold this against AWS, ``tests/e2e/event_handler/test_paths_ending_with_slash.py``).
    """
    address = normal(path)
    if address == "/":
        return HOME
    if not path.endswith("/"):
        return None
    return quote(address, safe=_PATH_CHARACTERS) + (f"?{query}" if query else "")
