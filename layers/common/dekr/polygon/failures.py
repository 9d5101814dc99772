"""How a call of the upstream can fail.

    UpstreamDown
      KeyRefused   401: our key is wrong
      Throttled    429
      Broken       5xx, time-out, broken connection
    UnknownSymbol  404
    UpstreamInvalid
    NotEntitled    403: the plan does not include the endpoint; tells the caller to step down

The words never hold a URL, a key or a body.
"""

from dekr.errors import UpstreamDown


class KeyRefused(UpstreamDown):
    """The upstream does not accept our key."""

    code = "upstream_key_refused"


class Throttled(UpstreamDown):
    """The upstream says that we ask too often."""

    code = "upstream_throttled"


class Broken(UpstreamDown):
    """The upstream failed, or did not answer in time."""


class NotEntitled(Exception):
    """The plan does not include the endpoint."""
