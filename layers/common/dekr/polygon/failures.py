"""How a call of the upstream can fail.

    UpstreamDown
      KeyRefused   401: our key is wrong
      Throttled    429
      Broken       5xx, time-out, broken connection
    UpstreamInvalid
      Cut          the answer broke off
    UnknownSymbol  404
    NotEntitled    403: the plan does not include the endpoint; tells the caller to step down

The words never hold a URL, a key or a body.
"""

from dekr.errors import UpstreamDown, UpstreamInvalid


class KeyRefused(UpstreamDown):
    """The upstream does not accept our key."""

    code = "upstream_key_refused"


class Throttled(UpstreamDown):
    """The upstream says that we ask too often."""

    code = "upstream_throttled"


class Broken(UpstreamDown):
    """The upstream failed, or did not answer in time."""


class Cut(UpstreamInvalid):
    """The upstream's answer ended before its announced end."""


class NotEntitled(Exception):
    """The plan does not include the endpoint."""
