"""The ways in which a call of the upstream can fail.

    UpstreamDown
      KeyRefused   401: our key is wrong
      Throttled    429
      Broken       5xx, time-out, broken connection
    UpstreamInvalid
      Cut          the answer broke off
    UnknownSymbol  404
    NotEntitled    403: the plan does not include the endpoint; the fetch goes on to the next source

Neither their texts nor their faults ever hold a URL, a key or a part of a body.
"""

from typing import ClassVar

from dekr.errors import UpstreamDown, UpstreamInvalid, UpstreamNotEntitled


class KeyRefused(UpstreamDown):
    """The upstream does not accept the service's key (401), or there is no key that can be sent."""

    code = "upstream_key_refused"


class Throttled(UpstreamDown):
    """The upstream limits the service's calls (429)."""

    code = "upstream_throttled"


class Broken(UpstreamDown):
    """The upstream failed (5xx), did not answer in time, or the connection broke."""


class Cut(UpstreamInvalid):
    """The upstream's answer ended before its announced end."""


class NotEntitled(Exception):
    """The plan does not include the endpoint (403). No answer shows it: where no source is left, it becomes UpstreamNotEntitled."""

    code: ClassVar[str] = UpstreamNotEntitled.code
